import { setTimeout as sleep } from 'node:timers/promises';
import { findServer } from './running-server.ts';

const lookEveryMs = 1_000;

/**
 * Waits beside a server in another process until `signal` fires or that server is gone. Looking again and again is also what keeps this
 * process alive: a listener for a signal does not, and without a terminal nothing else did.
 */
export async function stayWithServer(home: string, signal: AbortSignal): Promise<'interrupted' | 'gone'> {
  while (!signal.aborted) {
    if ((await findServer(home)) === undefined) return 'gone';
    await sleep(lookEveryMs, undefined, { signal }).catch(() => undefined);
  }
  return 'interrupted';
}
