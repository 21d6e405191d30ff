import type { GalleyEvent } from '@galley/api/event';
import type { BuildObjectStatus } from '@galley/api/kind/build';

/** The phases of a build that did not succeed, from what it said: each from its first event to its last, the last one failed. */
export function phasesOf(events: readonly GalleyEvent[]): BuildObjectStatus['phases'] {
  const spans = new Map<string, { first: number; last: number; reason: string }>();
  for (const event of events) {
    const time = Date.parse(event.time);
    const span = spans.get(event.phase);
    if (span === undefined) {
      spans.set(event.phase, { first: time, last: time, reason: event.reason ?? '' });
    } else {
      span.last = time;
      if (event.reason !== undefined) span.reason = event.reason;
    }
  }
  const names = [...spans.keys()];
  return [...spans].map(([phase, { first, last, reason }]) => ({
    phase,
    state: phase === names.at(-1) ? 'failed' : 'done',
    reason,
    elapsedMs: last - first,
  }));
}
