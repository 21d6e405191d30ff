import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** The variable by which the processes of one run of tests are known, however far they have detached themselves. */
export const runVariable = 'GALLEY_TEST_RUN';

/** A server stops its replicas and its gateway first. */
const graceMs = 30_000;
const lookMs = 100;

/**
 * Ends what a run of tests that was stopped has left: a server that a test had started in the background is nobody's child any more. Asked first, so
 * that it takes along what it runs.
 */
export async function endLeftovers(run: string, withinMs = graceMs): Promise<void> {
  const started = Date.now();
  const asked = new Set<number>();
  for (let left = leftoversOf(run); left.length > 0; left = leftoversOf(run)) {
    const late = Date.now() - started > withinMs;
    for (const pid of left) {
      if (late) signal(pid, 'SIGKILL');
      else if (!asked.has(pid)) signal(pid, 'SIGTERM');
      asked.add(pid);
    }
    await delay(lookMs);
  }
}

function leftoversOf(run: string): readonly number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  return pids.filter((pid) => environmentOf(pid).includes(`${runVariable}=${run}`)).map(Number);
}

/** Empty where it is not ours to read, or nobody's any more. */
function environmentOf(pid: string): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
  } catch {
    return [];
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has just gone.
  }
}
