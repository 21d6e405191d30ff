import { access } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { GalleyError } from '@galley/api/error/galley-error';
import { packOutput } from '../../output/pack-output.ts';
import { isFinished } from '../record.ts';
import { diskPaths, mountImage } from '../rootfs/disk.ts';
import { mountsBelow } from '../rootfs/unmount.ts';
import type { Entry } from '../workload-table.ts';

const outputEntriesMax = 200_000;
const outputDepthMax = 64;

/** The output of a workload that has ended: while it runs it could change under our hands. Throws `ENGINE_FAILED`. */
export async function openOutput(entry: Entry): Promise<Readable> {
  const { record, paths } = entry;
  const { id, limits } = record.workload;
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
  return packOutput(diskPaths(paths).out, {
    entries: outputEntriesMax,
    bytes: limits.diskBytes,
    depth: outputDepthMax,
  });
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
