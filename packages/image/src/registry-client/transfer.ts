import PQueue from 'p-queue';
import type { Emit } from '@galley/api/event';

/** Blobs at once: more only take bandwidth from each other (engine.md §4). */
const blobsAtOnce = 4;

/** Where the progress of a push or pull goes. */
export interface TransferProgress {
  readonly emit: Emit;
  /** What the events are about: `image/team/model:v1`. */
  readonly object: string;
  readonly phase: 'push' | 'pull';
}

/** Bytes of several blobs as one line that moves. */
export class ByteCounter {
  readonly #progress: TransferProgress;
  readonly #step: string;
  #done = 0;
  #total = 0;

  constructor(progress: TransferProgress, step: string) {
    this.#progress = progress;
    this.#step = step;
  }

  /** Bytes that went over the wire so far; not those that were sent in vain. */
  get done(): number {
    return this.#done;
  }

  /** More is to come than was known. */
  expect(bytes: number): void {
    this.#total += bytes;
    this.#tell();
  }

  /** Negative: they have to be sent again. */
  readonly add = (bytes: number): void => {
    this.#done += bytes;
    this.#tell();
  };

  #tell(): void {
    const { emit, object, phase } = this.#progress;
    emit({
      object,
      phase,
      step: this.#step,
      state: 'progress',
      unit: 'bytes',
      done: this.#done,
      total: this.#total,
    });
  }
}

/** Runs all, a few at a time; after the first failure no other is begun, and those under way are stopped by `stop`. */
export async function inParallel<Item>(
  items: readonly Item[],
  stop: AbortController,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const queue = new PQueue({ concurrency: blobsAtOnce });
  const failures: unknown[] = [];
  await Promise.all(
    items.map((item) =>
      queue.add(async () => {
        if (failures.length > 0) return;
        try {
          await work(item);
        } catch (error) {
          failures.push(error);
          stop.abort(error);
        }
      }),
    ),
  );
  // The first: those after it were only stopped.
  if (failures.length > 0) throw failures[0];
}
