import { constants } from 'node:fs';
import { open, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { WorkloadPaths } from '../layout.ts';

/** Two files of this size are kept of what a workload prints. */
const logBytesMax = 16 * 1024 * 1024;

/**
 * Starts a new log when the current one is large. conmon reopens it when told through its `ctl` FIFO and loses no line;
 * its own `--log-size-max` throws lines away (engine.md §1.5).
 */
export async function rotateLog(paths: WorkloadPaths): Promise<void> {
  const size = await stat(paths.log).then(
    (found) => found.size,
    () => 0,
  );
  if (size <= logBytesMax) return;
  await rename(paths.log, paths.logOld);
  // Non-blocking: without a conmon at the other end the opening must fail, not wait.
  const control = await open(join(paths.bundle, 'ctl'), constants.O_WRONLY | constants.O_NONBLOCK).catch(
    () => undefined,
  );
  if (control === undefined) return;
  try {
    await control.write('2 0 0\n');
  } finally {
    await control.close();
  }
}
