import { randomUUID } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { identifyProcess, processLives } from '../lease/process-identity.ts';

/** A file in `ingest/` for what this process is writing: `PID.TICKS.BOOT.UUID`, so that nobody takes it for what a dead one has left. */
export function ingestFile(scratch: string): string {
  const { pid = process.pid, startTicks = '', bootId = '' } = identifyProcess(process.pid) ?? {};
  return join(scratch, `${pid}.${startTicks}.${bootId}.${randomUUID()}`);
}

/** Removes what killed processes were writing. What a living one writes stays: a pull goes on beside a server that starts again. */
export async function sweepIngest(root: string): Promise<void> {
  for (const name of await readdir(join(root, 'ingest')).catch(() => [])) {
    const [pid = '', startTicks = '', bootId = ''] = name.split('.');
    const isAtWork = /^\d+$/.test(pid) && processLives({ pid: Number(pid), startTicks, bootId });
    if (!isAtWork) await rm(join(root, 'ingest', name), { recursive: true, force: true });
  }
}
