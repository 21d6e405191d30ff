import { backOffMs, reconcileBackOff, type BackOff } from './back-off.ts';
import type { Clock } from './clock.ts';

/** One look at one object. Throwing means: again, after the back-off. */
export type Reconcile = (
  key: string,
  signal: AbortSignal,
) => Promise<{ readonly requeueAfterMs?: number } | void>;

/** When a key ran last and how it went; readable over the API. */
export interface LastRun {
  readonly startedAt: number;
  readonly endedAt: number;
  readonly failures: number;
  readonly error?: string;
  /** When it runs next without a signal; absent: only on a signal. */
  readonly dueAt?: number;
}

export interface DriverOptions {
  readonly clock: Clock;
  /** Reconciles at once, over all controllers. */
  readonly concurrency: number;
  readonly backOff?: BackOff;
  /** Told of every reconcile that threw. */
  readonly onError: (controller: string, key: string, error: unknown) => void;
}

interface Entry {
  readonly controller: string;
  readonly key: string;
  state: 'idle' | 'queued' | 'running';
  /** A signal came while it ran: run again at once. */
  again: boolean;
  failures: number;
  cancelTimer: (() => void) | undefined;
  dueAt: number | undefined;
  last: LastRun | undefined;
}

/**
 * Runs reconcilers by key: one at a time per key, a bounded number at once, in the order of their signals. A key that is
 * queued is queued once. It ends runs by their signal and waits for them on `close`.
 */
export class Driver {
  private readonly options: DriverOptions;
  private readonly controllers = new Map<string, Reconcile>();
  private readonly entries = new Map<string, Entry>();
  private readonly queue: Entry[] = [];
  private readonly running = new Set<Promise<void>>();
  private readonly closing = new AbortController();

  constructor(options: DriverOptions) {
    this.options = options;
  }

  register(controller: string, reconcile: Reconcile): void {
    this.controllers.set(controller, reconcile);
  }

  /** Look at this key soon. Cheap and safe to call too often. */
  signal(controller: string, key: string): void {
    if (this.closing.signal.aborted) return;
    const entry = this.entry(controller, key);
    if (entry.state === 'running') {
      entry.again = true;
      return;
    }
    this.enqueue(entry);
  }

  lastRun(controller: string, key: string): LastRun | undefined {
    const entry = this.entries.get(`${controller} ${key}`);
    return entry?.last === undefined
      ? undefined
      : { ...entry.last, ...(entry.dueAt === undefined ? {} : { dueAt: entry.dueAt }) };
  }

  /** Forgets a key that no longer names anything, so that the table cannot grow for ever. */
  forget(controller: string, key: string): void {
    const entry = this.entries.get(`${controller} ${key}`);
    if (entry === undefined || entry.state !== 'idle') return;
    entry.cancelTimer?.();
    this.entries.delete(`${controller} ${key}`);
  }

  /** Nothing runs and nothing is queued; timers may still be set. */
  get quiet(): boolean {
    return this.running.size === 0 && this.queue.length === 0;
  }

  /** Takes no more signals, aborts what runs, and waits for it. */
  async close(): Promise<void> {
    this.closing.abort();
    for (const entry of this.entries.values()) entry.cancelTimer?.();
    this.queue.length = 0;
    await Promise.allSettled(this.running);
  }

  private entry(controller: string, key: string): Entry {
    const id = `${controller} ${key}`;
    let entry = this.entries.get(id);
    if (entry === undefined) {
      entry = {
        controller,
        key,
        state: 'idle',
        again: false,
        failures: 0,
        cancelTimer: undefined,
        dueAt: undefined,
        last: undefined,
      };
      this.entries.set(id, entry);
    }
    return entry;
  }

  private enqueue(entry: Entry): void {
    if (entry.state !== 'idle' || this.closing.signal.aborted) return;
    entry.cancelTimer?.();
    entry.cancelTimer = undefined;
    entry.dueAt = undefined;
    entry.state = 'queued';
    this.queue.push(entry);
    this.pump();
  }

  private pump(): void {
    while (this.running.size < this.options.concurrency) {
      const entry = this.queue.shift();
      if (entry === undefined) return;
      const run = this.run(entry).finally(() => {
        this.running.delete(run);
        this.pump();
      });
      this.running.add(run);
    }
  }

  private async run(entry: Entry): Promise<void> {
    const { clock } = this.options;
    entry.state = 'running';
    entry.again = false;
    const startedAt = clock.now();
    let requeueAfterMs: number | undefined;
    let failure: unknown;
    try {
      const reconcile = this.controllers.get(entry.controller);
      if (reconcile === undefined) throw new Error(`no controller is called ${entry.controller}`);
      const result = await reconcile(entry.key, this.closing.signal);
      requeueAfterMs = result?.requeueAfterMs;
      entry.failures = 0;
    } catch (error) {
      failure = error;
      entry.failures += 1;
      requeueAfterMs = backOffMs(this.options.backOff ?? reconcileBackOff, entry.failures);
      if (!this.closing.signal.aborted) this.options.onError(entry.controller, entry.key, error);
    }
    entry.last = {
      startedAt,
      endedAt: clock.now(),
      failures: entry.failures,
      ...(failure === undefined
        ? {}
        : { error: failure instanceof Error ? failure.message : `thrown: ${typeof failure}` }),
    };
    entry.state = 'idle';
    this.settle(entry, requeueAfterMs);
  }

  /** Decides when the entry runs next. A signal during a failed run does not jump the back-off queue. */
  private settle(entry: Entry, requeueAfterMs: number | undefined): void {
    if (entry.again && entry.failures === 0) {
      this.enqueue(entry);
    } else if (requeueAfterMs !== undefined && !this.closing.signal.aborted) {
      entry.dueAt = this.options.clock.now() + requeueAfterMs;
      entry.cancelTimer = this.options.clock.after(requeueAfterMs, () => this.enqueue(entry));
    }
  }
}
