import type { MonitorStatus, StreamDistance } from '@galley/api/kind/monitor';

/** A stream that moved, and the day by which it had. */
export interface Finding {
  readonly day: string;
  readonly stream: StreamDistance;
}

/**
 * What is worth a line of the story: a distance of at least 0.05, and five times its spread beyond what sampling alone gives. A way to
 * choose lines for a page, not a verdict: verdicts hold at any time and come with a budget of false alarms (MONITORS.md §4).
 */
export function hasMoved(stream: StreamDistance): boolean {
  const { totalVariation, expectedBySampling, samplingSpread } = stream;
  return totalVariation >= 0.05 && totalVariation >= expectedBySampling + 5 * samplingSpread;
}

/** For windows that end later and later: each stream's first day of having moved, in the order of days. */
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

/** The stream of a group that lies farthest beyond what sampling gives, in units of its spread. */
export function farthest(status: MonitorStatus, group: string): StreamDistance | undefined {
  const excess = ({ totalVariation, expectedBySampling, samplingSpread }: StreamDistance): number =>
    samplingSpread === 0 ? 0 : (totalVariation - expectedBySampling) / samplingSpread;
  return status.streams.filter((stream) => stream.group === group).sort((a, b) => excess(b) - excess(a))[0];
}
