import { signalProcess } from '../process/process-identity.ts';
import type { Entry, WorkloadTable } from '../workload-table.ts';

/** Node fires at once what lies further ahead than this. */
const timerMax = 2 ** 31 - 1;

/** Kills a running workload when its time is over; counted from its start, so that an adoption does not renew it. */
export function armDeadline(table: WorkloadTable, entry: Entry, now: () => number): void {
  const { timeoutMs, id } = entry.record.workload;
  if (!timeoutMs || entry.record.startedAt === undefined) return;
  const left = Date.parse(entry.record.startedAt) + timeoutMs - now();
  if (left > timerMax) {
    entry.deadline = setTimeout(() => armDeadline(table, entry, now), timerMax);
  } else {
    const kill = (): void => {
      void table.queue(id, async () => {
        if (entry.record.phase !== 'running') return;
        // First the reason, then the kill: the end may be seen by another process.
        await table.update(entry, { killedFor: 'Timeout' });
        signalProcess(entry.record.init, 'SIGKILL');
      });
    };
    entry.deadline = setTimeout(kill, Math.max(0, left));
  }
  entry.deadline.unref();
}
