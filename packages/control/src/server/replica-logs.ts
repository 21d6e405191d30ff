import { setTimeout as delay } from 'node:timers/promises';
import { GalleyError } from '@galley/api/error/galley-error';
import type { LogEntry } from '@galley/api/http/messages';
import type { Engine } from '@galley/engine/engine';

export interface ReplicaLogOptions {
  /** RFC 3339, exclusive. */
  readonly since?: string;
  readonly signal: AbortSignal;
}

/** Names of the workloads whose logs are wanted, as they are now. */
export type Replicas = () => Promise<readonly string[]>;

/** Most lines of one replica that are held to sort them; older ones are left out. */
const linesPerReplicaMax = 10_000;
/** How often a follower looks for replicas that have come. */
const lookAgainMs = 1000;
/** Lines that wait for a slow reader before the replicas' logs are read no further. */
const queueMax = 1000;

/** What every replica has printed, in the order of time. */
export async function* readReplicas(
  engine: Engine,
  replicas: Replicas,
  options: ReplicaLogOptions,
): AsyncGenerator<LogEntry> {
  const lines: LogEntry[] = [];
  for (const replica of await replicas()) {
    const own: LogEntry[] = [];
    for await (const entry of logOf(engine, replica, options, false)) {
      own.push(entry);
      if (own.length > linesPerReplicaMax * 2) own.splice(0, own.length - linesPerReplicaMax);
    }
    lines.push(...own.slice(-linesPerReplicaMax));
  }
  yield* lines.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
}

/** What every replica prints, as it comes, until the signal fires; replicas that come later are taken in. */
export async function* followReplicas(
  engine: Engine,
  replicas: Replicas,
  options: ReplicaLogOptions,
): AsyncGenerator<LogEntry> {
  const { signal } = options;
  const queue: LogEntry[] = [];
  const following = new Set<string>();
  const lastTime = new Map<string, string>();
  let wake = () => {};
  const pump = async (replica: string): Promise<void> => {
    const since = lastTime.get(replica) ?? options.since;
    const from = since === undefined ? { signal } : { signal, since };
    for await (const entry of logOf(engine, replica, from, true)) {
      lastTime.set(replica, entry.time);
      queue.push(entry);
      wake();
      while (queue.length > queueMax && !signal.aborted) await delay(10);
    }
  };
  while (!signal.aborted) {
    for (const replica of await replicas()) {
      if (following.has(replica)) continue;
      following.add(replica);
      // It ends with the workload; a restarted one is followed again from its last line on.
      void pump(replica)
        .catch(() => undefined)
        .finally(() => following.delete(replica));
    }
    const woken = new Promise<void>((resolve) => {
      wake = resolve;
    });
    if (queue.length === 0) await Promise.race([woken, delay(lookAgainMs, undefined, { ref: false })]);
    while (queue.length > 0) {
      const entry = queue.shift();
      if (entry !== undefined) yield entry;
    }
  }
}

async function* logOf(
  engine: Engine,
  replica: string,
  options: ReplicaLogOptions,
  follow: boolean,
): AsyncGenerator<LogEntry> {
  try {
    for await (const line of engine.logs(replica, { ...options, follow })) {
      yield { time: line.time, replica, stream: line.stream, text: line.text };
    }
  } catch (error) {
    // It was removed between the list and the reading: then it has no log, and that is no failure of the others.
    if (!(error instanceof GalleyError && error.code === 'WORKLOAD_NOT_FOUND')) throw error;
  }
}
