import type { MonitorStatus, StreamDistance } from '@galley/api/kind/monitor';

/** A stream that moved, and the day by which it had. */
export interface Finding {
  readonly day: string;
  readonly stream: StreamDistance;
}

/**
 * What counts as worth telling in the story: a distance of at least three times what sampling alone gives, and at least 0.1. A
 * way to choose lines for a page, not a verdict: verdicts hold at any time and come with a budget of false alarms (MONITORS.md §4).
 */
export function hasMoved(stream: StreamDistance): boolean {
  return stream.totalVariation >= 0.1 && stream.totalVariation >= 3 * stream.expectedBySampling;
}

/** For windows that begin together and end later and later: each stream's first day of having moved, in the order of days. */
export function firstFindings(
  windows: readonly { readonly day: string; readonly status: MonitorStatus }[],
): readonly Finding[] {
  const found = new Map<string, Finding>();
  for (const { day, status } of windows) {
    for (const stream of status.streams) {
      if (hasMoved(stream) && !found.has(stream.id)) found.set(stream.id, { day, stream });
    }
  }
  return [...found.values()];
}

/** The stream of a group that lies farthest above what sampling gives. */
export function farthest(status: MonitorStatus, group: string): StreamDistance | undefined {
  return status.streams
    .filter((stream) => stream.group === group)
    .sort(
      (a, b) =>
        b.totalVariation / (b.expectedBySampling || 1) - a.totalVariation / (a.expectedBySampling || 1),
    )[0];
}
