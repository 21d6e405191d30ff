import { chmod, chown, mkdir, rm, rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { shiftBase } from '../identity.ts';
import type { Layout } from '../layout.ts';

/** Makes the directories of an engine, with the modes that workloads of other ids need to pass them. What was being unpacked goes. */
export async function makeDirectories(layout: Layout): Promise<void> {
  await mkdir(layout.root, { recursive: true, mode: 0o700 });
  await rm(layout.tmp, { recursive: true, force: true });
  for (const directory of [layout.snapshots, layout.tmp, layout.workloads]) {
    await mkdir(directory, { recursive: true, mode: 0o700 });
  }
  await makeParent(dirname(layout.run));
  for (const directory of [layout.run, layout.running, layout.folders]) {
    await mkdir(directory, { recursive: true, mode: 0o710 });
    await chown(directory, 0, shiftBase);
    await chmod(directory, 0o710);
  }
  for (const directory of [layout.runcState, layout.exits, layout.groups]) {
    await mkdir(directory, { recursive: true, mode: 0o700 });
  }
}

/** `/run/galley`, for every engine of the machine: it stays as whoever made it left it. */
async function makeParent(path: string): Promise<void> {
  const made = await mkdir(path, { recursive: true, mode: 0o711 });
  if (made !== undefined) await chmod(path, 0o711);
}

/**
 * Takes away the runtime directory when nothing needs it any more. Never with what is in it: a workload that goes on, or one whose
 * output may still be asked for, has its mounts and sockets there.
 */
export async function releaseRuntimeDirectory(layout: Layout): Promise<void> {
  for (const directory of [
    layout.runcState,
    layout.exits,
    layout.groups,
    layout.running,
    layout.folders,
    layout.run,
  ]) {
    await rmdir(directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'ENOENT') throw error;
    });
  }
}
