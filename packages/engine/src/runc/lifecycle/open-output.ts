import { access } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { GalleyError } from '@galley/api/error/galley-error';
import { packChanges } from '../../output/pack-changes.ts';
import { packOutput } from '../../output/pack-output.ts';
import { shiftBase, shiftCount } from '../identity.ts';
import { isFinished } from '../record.ts';
import { diskPaths, mountImage } from '../rootfs/disk.ts';
import { listOpaque } from '../rootfs/whiteouts.ts';
import { mountsBelow } from '../rootfs/unmount.ts';
import type { Entry } from '../workload-table.ts';

const outputEntriesMax = 200_000;
const outputDepthMax = 64;
/** A tree of npm packages is both wider and deeper than what a notebook hands back. */
const changedEntriesMax = 1_000_000;
const changedDepthMax = 256;
/** Where the engine mounts: whatever is there of the image is not what the process saw. */
const enginePaths: ReadonlySet<string> = new Set(['dev', 'proc', 'run', 'sys', 'galley/in', 'galley/out']);

/** The output of a workload that has ended: while it runs it could change under our hands. Throws `ENGINE_FAILED`. */
export async function openOutput(entry: Entry): Promise<Readable> {
  const { record, paths } = entry;
  await holdDisk(entry);
  return packOutput(diskPaths(paths).out, {
    entries: outputEntriesMax,
    bytes: record.workload.limits.diskBytes,
    depth: outputDepthMax,
  });
}

/** What an ended workload with a `user` changed in its root filesystem. Throws `ENGINE_FAILED`. */
export async function openChanges(entry: Entry): Promise<Readable> {
  const { record, paths } = entry;
  const { id, limits, user } = record.workload;
  if (user === undefined) {
    throw new GalleyError(
      'ENGINE_FAILED',
      `The workload ${id} was not started as a step that makes a layer.`,
    );
  }
  await holdDisk(entry);
  const { upper } = diskPaths(paths);
  return packChanges(
    {
      directory: upper,
      opaque: await listOpaque(upper),
      shift: shiftBase,
      ids: shiftCount,
      omit: enginePaths,
    },
    { entries: changedEntriesMax, bytes: limits.diskBytes, depth: changedDepthMax },
  );
}

/** The disk of a workload that has ended, mounted. */
async function holdDisk(entry: Entry): Promise<void> {
  const { record, paths } = entry;
  const { id } = record.workload;
  if (!isFinished(record)) {
    throw new GalleyError('ENGINE_FAILED', `The workload ${id} has no output yet: it is ${record.phase}.`);
  }
  if (!(await mountsBelow(paths.disk)).includes(paths.disk)) {
    if (!(await exists(paths.diskImage))) {
      throw new GalleyError('ENGINE_FAILED', `The output of the workload ${id} is gone.`, {
        hint: 'It never started, or the machine was restarted since: run it again.',
      });
    }
    await mountImage(paths);
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
