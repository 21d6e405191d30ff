/** One line of the table: how we do beside a peer that did the same thing a moment ago on the same machine. */
export interface BenchRow {
  /** What was measured, as a person would say it. */
  readonly what: string;
  /** Our figure with its unit: `0.62 s`. */
  readonly ours: string;
  /** The peer's figure with its unit, and who it is: `0.55 s (conmon + runc)`; `—` where there is none. */
  readonly peer: string;
  /** What the target speaks of, when that is a ratio: `1.14×`; `—` where the target is about `ours`. */
  readonly ratio: string;
  /** What is to be reached, in the unit of `ratio` or of `ours`: `≤ 1.2×`, `≥ 6×`, `≤ 150 MB`. */
  readonly target: string;
  /** Why, where it was not reached; or what a reader must know. */
  readonly note?: string;
}

/** What a benchmark's file exports as its only function. It cleans up after itself, also when it fails. */
export type Bench = (options: { readonly signal: AbortSignal }) => Promise<readonly BenchRow[]>;
