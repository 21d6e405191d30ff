import { randomBytes } from 'node:crypto';
import { lstat, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import { lockRepository, type WrittenLock } from '@galley/build/lock-repository';
import type { PlanOptions } from '@galley/build/plan-build';
import { readInstalled, type Installed } from '@galley/control/lab/installed';
import { labFolder } from '@galley/control/lab/lab-folder';
import { withLabs } from '@galley/control/lab/open-labs';
import { homeLayout } from '@galley/control/owner/home';
import type { Context } from '../command/command.ts';
import { openStore } from '../server/open-store.ts';

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
    const file = await replaceFile(path, written.path, written.text);
    return { installed, written: { ...written, file } };
  });
}

/** Puts a file of the folder's owner in place, whatever a notebook left there: a link is replaced and never followed. */
async function replaceFile(root: string, path: string, text: string): Promise<string> {
  const file = join(root, path);
  const folder = dirname(file);
  if (!(await lstat(folder)).isDirectory()) {
    throw new GalleyError('USAGE', `${folder} is a link, and no lock is written through it.`, {
      hint: 'Put a folder in its place.',
    });
  }
  const owner = await stat(root);
  const temporary = join(folder, `.pylock-${randomBytes(6).toString('hex')}.toml`);
  const handle = await open(temporary, 'wx', 0o644);
  try {
    await handle.writeFile(text);
    await handle.chown(owner.uid, owner.gid);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
  return file;
}
