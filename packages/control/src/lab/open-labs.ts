import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Engine } from '@galley/engine/engine';
import { createRuncEngine } from '@galley/engine/runc/create-runc-engine';
import type { ImageStore } from '@galley/image/store';
import type { HomeLayout } from '../owner/home.ts';
import { homeOwner, lockHome } from '../owner/lock.ts';
import { readPrivateHosts } from '../owner/private-hosts.ts';
import { folderOfKey } from './lab-folder.ts';
import { endLab, leftLab } from './session.ts';

/**
 * Takes the labs of a home for one session, with an engine of their own: who works for hours must not keep builds and the server from the home. What a
 * killed session left is ended first. Throws `LAB_IN_USE`.
 */
export async function withLabs<Result>(
  { layout, store }: { readonly layout: HomeLayout; readonly store: ImageStore },
  use: (engine: Engine) => Promise<Result>,
): Promise<Result> {
  await mkdir(layout.lab, { recursive: true, mode: 0o700 });
  const lock = lockLabs(layout);
  try {
    const engine = await createRuncEngine({
      root: join(layout.lab, 'engine'),
      store,
      privateHosts: () => readPrivateHosts(layout.privateHosts),
    });
    try {
      const left = await leftLab(engine);
      if (left !== undefined) await endLab(engine, folderOfKey(layout, left));
      return await use(engine);
    } finally {
      await engine.close();
    }
  } finally {
    lock.release();
  }
}

function lockLabs(layout: HomeLayout): { release(): void } {
  const path = join(layout.lab, 'owner.lock');
  try {
    return lockHome(path, 'command');
  } catch (error) {
    if (!(error instanceof GalleyError) || error.code !== 'HOME_IN_USE') throw error;
    const pid = homeOwner(path)?.pid;
    throw new GalleyError(
      'LAB_IN_USE',
      `A lab of ${layout.root} runs already${pid === undefined ? '' : `: process ${pid}`}.`,
      {
        hint: 'End it with Ctrl-C where it runs; GALLEY_HOME=/other/folder galley lab runs another beside it.',
        details: { home: layout.root, ...(pid === undefined ? {} : { pid }) },
        cause: error,
      },
    );
  }
}
