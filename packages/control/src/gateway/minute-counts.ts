/** Minutes that are held for control to read; it reads every few seconds and survives longer than this in no state. */
const minutesKept = 24 * 60;

/** One minute of one revision. */
export interface MinuteCount {
  readonly revision: string;
  /** Since the epoch, by the clock of the answer. */
  readonly minute: number;
  /** Answered 2xx. */
  answered: number;
  /** Broken off, or answered 5xx. */
  failed: number;
}

/**
 * How many predictions went through, so that what the monitors missed can be told (MONITORS.md §2: lost = the gateway's
 * count − counted). Predictions are POSTs in every protocol of the service.
 */
export class MinuteCounts {
  private readonly now: () => number;
  private readonly counts = new Map<string, MinuteCount>();

  constructor(now: () => number) {
    this.now = now;
  }

  note(revision: string, outcome: 'answered' | 'failed'): void {
    const minute = Math.floor(this.now() / 60_000);
    const key = `${revision} ${minute}`;
    let count = this.counts.get(key);
    if (count === undefined) {
      count = { revision, minute, answered: 0, failed: 0 };
      this.counts.set(key, count);
      this.forgetOld(minute);
    }
    count[outcome] += 1;
  }

  /** Minutes not older than `since`. */
  after(since: number): readonly MinuteCount[] {
    return [...this.counts.values()].filter((count) => count.minute >= since);
  }

  private forgetOld(minute: number): void {
    for (const [key, count] of this.counts) {
      if (count.minute < minute - minutesKept) this.counts.delete(key);
    }
  }
}
