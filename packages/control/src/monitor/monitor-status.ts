import type { MonitorEvent, MonitorStatus } from '@galley/api/kind/monitor';
import type { Verdict } from '@galley/api/kind/verdict';
import type { Sighting } from '../store/monitor-store.ts';
import { streamDistance } from './distance.ts';
import type { Reference } from './reference.ts';
import type { BucketSums } from './stream-sums.ts';
import { holds, type TimeWindow } from './window.ts';

/** Sightings in an answer, the newest; the store keeps more. */
const eventsMax = 200;

/** A monitor's status as its counts say it; conditions follow from it. */
export type Seen = Omit<MonitorStatus, 'conditions'>;

/** What is known of a revision's counts in a window. */
export interface MonitorFacts {
  readonly revision: string | undefined;
  readonly reference: Reference | undefined;
  readonly sums: BucketSums;
  readonly sightings: readonly Sighting[];
  /** Requests that the gateway saw answered, over all time; undefined: the window is only a part of that. */
  readonly answered: bigint | undefined;
  readonly problems: readonly string[];
  /** Undefined without a reference. */
  readonly verdict: Verdict | undefined;
  readonly observedAt: string;
  readonly window: TimeWindow;
}

/** A monitor's status without its conditions. Pure. */
export function monitorStatus(facts: MonitorFacts): Seen {
  const { reference, sums, revision } = facts;
  const streams = (reference?.streams ?? []).flatMap(
    (stream) => streamDistance(stream, sums.streams.get(stream.id)) ?? [],
  );
  // The gateway's count is of requests that were answered well.
  const counted = sums.requests - sums.failures - sums.refused + sums.late;
  const lost = facts.answered === undefined ? 0n : facts.answered - counted;
  return {
    ...(revision === undefined ? {} : { revision }),
    state: reference === undefined ? 'learning' : 'watching',
    ...(reference === undefined ? {} : { origin: reference.origin }),
    requests: Number(sums.requests),
    referenceRequests: reference?.requests ?? 0,
    refused: Number(sums.refused),
    failures: Number(sums.failures),
    lost: lost > 0n ? Number(lost) : 0,
    late: Number(sums.late),
    observedAt: facts.observedAt,
    problems: [...facts.problems],
    streams,
    events: facts.sightings
      .filter((sighting) => holds(facts.window, Date.parse(sighting.time)))
      .slice(-eventsMax)
      .map(eventOf),
    ...(reference?.coverage === undefined ? {} : { coverage: reference.coverage }),
    ...(facts.verdict === undefined ? {} : { verdict: facts.verdict }),
  };
}

/** Members that the runtime left null are left out. */
function eventOf(sighting: Sighting): MonitorEvent {
  const { time, kind, stream, value, count, replica } = sighting;
  const optional = {
    function: sighting.function,
    file: sighting.file,
    notebook: sighting.notebook,
    cell: sighting.cell,
    line: sighting.line,
    source: sighting.source,
    decided: sighting.decided,
  };
  const known = Object.fromEntries(
    Object.entries(optional).filter(([, member]) => member !== null && member !== undefined),
  );
  return { time, kind, stream, value, count, replica, ...known };
}
