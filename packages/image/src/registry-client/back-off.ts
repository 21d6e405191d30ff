import { setTimeout as delay } from 'node:timers/promises';

/** How long to wait between tries. Tests give one that does not wait. */
export interface Pace {
  /** Tries without any progress, the first included. */
  readonly attempts: number;
  /** Milliseconds before the second try; doubled for each further one, half of it by chance. */
  readonly firstMs: number;
  /** No wait is longer; a registry that asks for more is told to the user instead. */
  readonly longestMs: number;
  readonly random: () => number;
  readonly sleep: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
}

/** Waits 0.25, 0.5, 1, 2 seconds, and as long as a registry asks up to a minute. */
export const patient: Pace = {
  attempts: 5,
  firstMs: 250,
  longestMs: 60_000,
  random: Math.random,
  sleep: async (ms, signal) => {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
  },
};

/** Milliseconds before the try after `failures` failures, which is at least 1. `askedMs` is what the registry asked for. */
export function waitMs(pace: Pace, failures: number, askedMs: number | undefined): number {
  const full = Math.min(pace.firstMs * 2 ** (failures - 1), 5000);
  // Jitter: clients that were refused together must not come back together.
  const own = full / 2 + (full / 2) * pace.random();
  return Math.max(own, askedMs ?? 0);
}

/** A `Retry-After` header in milliseconds: seconds or a date (RFC 9110 §10.2.3); undefined where it is neither. */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}
