import { realpath } from 'node:fs/promises';
import { lockRepository, type WrittenLock } from '@galley/build/lock-repository';
import type { PlanOptions } from '@galley/build/plan-build';
import { readInstalled, type Installed } from '@galley/control/lab/installed';
import { labFolder } from '@galley/control/lab/lab-folder';
import { withLabs } from '@galley/control/lab/open-labs';
import { homeLayout } from '@galley/control/owner/home';
import type { Context } from '../command/command.ts';
import { openStore } from '../server/open-store.ts';
import { placeLock } from './place-lock.ts';

/** A lock with what was installed in the labs of a folder. */
export interface Captured {
  readonly installed: Installed;
  /** Undefined: nothing was installed, and nothing written. */
  readonly written: (WrittenLock & { readonly file: string }) | undefined;
}

/**
 * Writes what was installed in the labs of a folder into its pylock.toml, with what the repository asks for. Not while one runs there, which could change
 * the folder under our hands. Throws `LAB_IN_USE`, and as `lockRepository`.
 */
export async function captureLab(
  argument: { readonly path: string; readonly include: readonly string[] },
  options: Pick<PlanOptions, 'modernise' | 'asOf' | 'allowedIndexes'>,
  context: Context,
): Promise<Captured> {
  const path = await realpath(argument.path);
  const layout = homeLayout(context.home);
  const store = await openStore(context.home);
  return withLabs({ layout, store }, async () => {
    const installed = await readInstalled(labFolder(layout, path));
    if (installed.packages.length === 0) return { installed, written: undefined };
    const written = await lockRepository(
      { kind: 'directory', path, include: argument.include },
      {
        notebooks: [],
        python: '',
        open: true,
        ...options,
        installed: installed.packages,
        signal: context.signal,
      },
    );
    const file = await placeLock(path, written);
    return { installed, written: { ...written, file } };
  });
}
