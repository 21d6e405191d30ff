import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { errorFromBody } from '@galley/api/error/galley-error';
import type { Environment } from './environment.ts';
import type { StitchedLayer } from './stitch-layer.ts';
import type { WheelGroup } from './plan-wheel-layers.ts';
import type { StitchReply, StitchRequest } from './stitch-message.ts';

/** One thread and the layer it works on. */
class StitchThread {
  readonly #worker = new Worker(new URL('./stitch-thread.ts', import.meta.url));

  async stitch(root: string, { wheels, part }: WheelGroup, environment: Environment): Promise<StitchedLayer> {
    this.#send({ kind: 'stitch', root, wheels, part, environment });
    // `once` rejects when the thread itself dies with an 'error'.
    const [reply] = (await once(this.#worker, 'message')) as [StitchReply];
    if (reply.kind === 'done') return reply.layer;
    if (reply.kind === 'failed') throw errorFromBody(reply.error);
    throw new Error(reply.message);
  }

  /** Asks it to stop, so that it removes what it had half written. */
  abort(): void {
    this.#send({ kind: 'abort' });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #send(request: StitchRequest): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    this.#worker.postMessage(request);
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}

/**
 * Stitches groups of wheels side by side, the largest first, and calls `onLayer` as each is done. After a failure or an abort the other threads finish cleaning up
 * before the error is thrown.
 */
export async function stitchGroups(
  root: string,
  groups: readonly WheelGroup[],
  environment: Environment,
  options: {
    readonly threads: number;
    readonly signal?: AbortSignal;
    readonly onLayer: (index: number, layer: StitchedLayer) => Promise<void>;
  },
): Promise<void> {
  const waiting = [...groups.entries()].sort(([, left], [, right]) => right.bytes - left.bytes);
  const threads = Array.from({ length: Math.min(options.threads, groups.length) }, () => new StitchThread());
  const stop = new AbortController();
  const abortAll = (): void => {
    for (const thread of threads) thread.abort();
  };
  const signal = AbortSignal.any(
    options.signal === undefined ? [stop.signal] : [stop.signal, options.signal],
  );
  signal.addEventListener('abort', abortAll, { once: true });
  const work = async (thread: StitchThread): Promise<void> => {
    try {
      for (let next = waiting.shift(); next !== undefined && !signal.aborted; next = waiting.shift()) {
        const [index, group] = next;
        await options.onLayer(index, await thread.stitch(root, group, environment));
      }
    } catch (error) {
      stop.abort();
      throw error;
    }
  };
  try {
    const results = await Promise.allSettled(threads.map(work));
    options.signal?.throwIfAborted();
    // The first failure stopped the others, whose own errors are then only "aborted".
    const failed = results
      .filter((result) => result.status === 'rejected')
      .map((result) => asError(result.reason));
    const cause = failed.find((error) => error.name === 'GalleyError') ?? failed[0];
    if (cause !== undefined) throw cause;
  } finally {
    signal.removeEventListener('abort', abortAll);
    await Promise.all(threads.map((thread) => thread.close()));
  }
}
