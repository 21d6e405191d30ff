import { betaQuantile } from './incomplete-beta.ts';

/** Between which shares a piece may lie without being called moved. `lower` 0 or `upper` 1: no such side. */
export interface Limits {
  readonly lower: number;
  readonly upper: number;
}

/** What decides limits besides the counts of the reference. */
export interface Tolerance {
  /** Differences smaller than this many standard deviations of a piece's share do not matter. */
  readonly h: number;
  /** One-sided level of a piece for the whole application: that of all its sides together over the number of them. */
  readonly level: number;
}

/** One-sided level of a piece by itself: within the tolerance the promise holds at 99 % a side (docs/design/monitors.md). */
const levelAlone = 0.01;

/**
 * Limits of a piece of which the reference holds `counted` of `n` requests (real: rows of one request share it). The wider of what sampling of
 * the reference allows at the application's level, and of that at 1 % with the tolerance added: the first covers the reference's population, the second
 * whatever lies near it. Counts come out of workloads: more than all of `n` is all of them, beyond which the bounds have no meaning and their
 * computation no end.
 */
export function limitsOf(counted: number, n: number, { h, level }: Tolerance): Limits {
  const k = Math.min(counted, n);
  const share = k / n;
  const allowance = h * Math.sqrt(share * (1 - share));
  return {
    lower: Math.max(0, Math.min(lowerBound(k, n, level), lowerBound(k, n, levelAlone) - allowance)),
    upper: Math.min(1, Math.max(upperBound(k, n, level), upperBound(k, n, levelAlone) + allowance)),
  };
}

/** Clopper and Pearson's bounds (1934): exact for k of n independent requests. */
export function lowerBound(k: number, n: number, level: number): number {
  return k <= 0 ? 0 : betaQuantile(level, k, n - k + 1);
}

/** The share that is above with chance `level` at most; see `lowerBound`. */
export function upperBound(k: number, n: number, level: number): number {
  return k >= n ? 1 : 1 - betaQuantile(level, n - k, k + 1);
}
