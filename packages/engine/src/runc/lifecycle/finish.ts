import { access, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readUsage } from '../cgroup/counters.ts';
import { cgroupsPath, type Host } from '../host.ts';
import { isAlive } from '../process/process-identity.ts';
import { isFinished, type WorkloadRecord } from '../record.ts';
import { isDiskFull } from '../rootfs/disk.ts';
import type { Entry, WorkloadTable } from '../workload-table.ts';
import { stopWorkload } from './clean-up.ts';

/** How a workload ended, as conmon's exit file says. */
interface Exit {
  readonly code: number;
  readonly endedAt: string;
}

/**
 * Looks whether a workload has ended and, if so, records why and cleans up. Does nothing while it runs. Without an exit
 * file and without a process it is `lost`: it may have done its work or not, and nobody may guess (engine.md §6).
 */
export async function finishIfEnded(host: Host, table: WorkloadTable, entry: Entry): Promise<void> {
  const { record } = entry;
  if (isFinished(record) || record.phase === 'pending') return;
  const exit = await readExit(entry);
  if (exit === undefined && (isAlive(record.init) || isAlive(record.conmon))) return;
  // conmon may have written it between the two looks.
  const found = exit ?? (await readExit(entry));
  const group = cgroupsPath(host, record.workload.project, record.workload.id);
  const usage = await readUsage(host.cgroups, group);
  const end = found === undefined ? lost(host) : await reasonOf(entry, found, usage?.oomKills ?? 0);
  await table.update(entry, { ...end, ...(usage === undefined ? {} : { usage }) });
  await stopWorkload(host, table, entry);
}

async function readExit(entry: Entry): Promise<Exit | undefined> {
  try {
    const [text, file] = await Promise.all([readFile(entry.paths.exit, 'utf8'), stat(entry.paths.exit)]);
    const code = Number.parseInt(text, 10);
    return Number.isNaN(code) ? undefined : { code, endedAt: file.mtime.toISOString() };
  } catch {
    return undefined;
  }
}

function lost(host: Host): Partial<WorkloadRecord> {
  return {
    phase: 'lost',
    reason: 'Lost',
    message: 'It ended while nobody watched: its exit code is unknown.',
    endedAt: new Date(host.now()).toISOString(),
  };
}

async function reasonOf(entry: Entry, exit: Exit, oomKills: number): Promise<Partial<WorkloadRecord>> {
  const { record, paths } = entry;
  const base = { exitCode: exit.code, endedAt: exit.endedAt };
  const limits = record.workload.limits;
  if (record.killedFor === 'Timeout') {
    const message = `It ran longer than ${record.workload.timeoutMs ?? 0} ms.`;
    return { ...base, phase: 'failed', reason: 'Timeout', message };
  }
  if (exit.code === 0) return { ...base, phase: 'succeeded' };
  if (oomKills > 0 || (await exists(join(paths.bundle, 'oom')))) {
    const message = `It needed more memory than its limit of ${limits.memoryBytes} bytes.`;
    return { ...base, phase: 'failed', reason: 'OOMKilled', message };
  }
  if (await isDiskFull(paths)) {
    const message = `It filled its disk of ${limits.diskBytes} bytes.`;
    return { ...base, phase: 'failed', reason: 'DiskFull', message };
  }
  return { ...base, phase: 'failed', reason: 'Error', message: `It ended with exit code ${exit.code}.` };
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
