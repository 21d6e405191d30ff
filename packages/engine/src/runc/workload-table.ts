import type { WorkloadStatus } from '../engine.ts';
import { workloadPaths, type Layout, type WorkloadPaths } from './layout.ts';
import { isFinished, statusOf, writeRecord, type WorkloadRecord } from './record.ts';

/** A workload as this process knows it. */
export interface Entry {
  readonly paths: WorkloadPaths;
  record: WorkloadRecord;
  /** Interrupts a start that is under way. */
  readonly starting: AbortController;
  deadline?: NodeJS.Timeout;
}

/**
 * All workloads of the engine in memory: what is on disk, who wants to hear of changes, and one queue per id, so that
 * a start, an end and a removal of one workload never run at once.
 */
export class WorkloadTable {
  readonly #layout: Layout;
  readonly #entries = new Map<string, Entry>();
  readonly #queues = new Map<string, Promise<unknown>>();
  readonly #listeners = new Set<(status: WorkloadStatus) => void>();

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  get(id: string): Entry | undefined {
    return this.#entries.get(id);
  }

  entries(): Entry[] {
    return [...this.#entries.values()];
  }

  /** Takes in a record that is on disk already. */
  adopt(record: WorkloadRecord): Entry {
    const paths = workloadPaths(this.#layout, record.workload.id);
    const entry: Entry = { paths, record, starting: new AbortController() };
    this.#entries.set(record.workload.id, entry);
    return entry;
  }

  /** Writes the changed record, then tells everybody. Intent comes to disk before the side effect that follows it. */
  async update(entry: Entry, change: Partial<WorkloadRecord>): Promise<void> {
    entry.record = { ...entry.record, ...change };
    await writeRecord(entry.paths, entry.record);
    this.#tell(entry.record);
  }

  forget(id: string): void {
    const entry = this.#entries.get(id);
    clearTimeout(entry?.deadline);
    this.#entries.delete(id);
    // Who waits for its end has it now.
    if (entry !== undefined) this.#tell(entry.record);
  }

  /** Runs after everything that was asked for this id before. */
  queue<T>(id: string, task: () => Promise<T>): Promise<T> {
    const before = this.#queues.get(id) ?? Promise.resolve();
    const result = before.then(task, task);
    const settled = result.then(
      () => undefined,
      () => undefined,
    );
    this.#queues.set(id, settled);
    void settled.then(() => {
      if (this.#queues.get(id) === settled) this.#queues.delete(id);
    });
    return result;
  }

  /** Resolves when no task is queued or running. */
  async idle(): Promise<void> {
    while (this.#queues.size > 0) await Promise.all(this.#queues.values());
  }

  /** Calls back at every change; returns how to stop. */
  listen(listener: (status: WorkloadStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Waits until nothing of it runs; false when the time is over first. */
  waitForEnd(id: string, timeoutMs: number): Promise<boolean> {
    const ended = (): boolean => {
      const entry = this.#entries.get(id);
      return entry === undefined || isFinished(entry.record);
    };
    if (ended()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const settle = (result: boolean): void => {
        clearTimeout(timer);
        stop();
        resolve(result);
      };
      const timer = setTimeout(() => settle(false), timeoutMs);
      const stop = this.listen(() => {
        if (ended()) settle(true);
      });
    });
  }

  #tell(record: WorkloadRecord): void {
    const status = statusOf(record);
    for (const listener of this.#listeners) listener(status);
  }
}
