import type { WorkloadStatus } from '../engine.ts';

/** Every status there is, then one each time one changes; only the newest of each workload, for a slow reader. */
export async function* watchStatuses(
  current: () => readonly WorkloadStatus[],
  listen: (listener: (status: WorkloadStatus) => void) => () => void,
  signal: AbortSignal,
): AsyncIterable<WorkloadStatus> {
  const waiting = new Map<string, WorkloadStatus>();
  let wake: (() => void) | undefined;
  const stop = listen((status) => {
    waiting.delete(status.id);
    waiting.set(status.id, status);
    wake?.();
  });
  const abort = (): void => wake?.();
  signal.addEventListener('abort', abort);
  try {
    for (const status of current()) if (!waiting.has(status.id)) waiting.set(status.id, status);
    while (!signal.aborted) {
      const [first] = waiting;
      if (first === undefined) {
        await new Promise<void>((resolve) => (wake = resolve));
        continue;
      }
      waiting.delete(first[0]);
      yield first[1];
    }
  } finally {
    stop();
    signal.removeEventListener('abort', abort);
  }
}
