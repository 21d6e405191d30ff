import { isDeepStrictEqual } from 'node:util';
import { conditionsOf, type ConditionDraft } from '../condition.ts';
import type { Plan } from '../controller.ts';
import type { ObservedMonitor } from './observe.ts';

/** Counts are also read whenever somebody asks; between that, so often. A replica keeps its minutes for a day (docs/design/wire.md). */
const lookAgainMs = 15_000;

/** A monitor only looks: its plan is its status. Pure. */
export function planMonitor({ monitor, seen }: ObservedMonitor, now: number): Plan<'Monitor', never> {
  const { metadata, status } = monitor;
  if (metadata.deletionTimestamp !== undefined) return { actions: [] };
  const next = {
    ...seen,
    conditions: conditionsOf(status.conditions, [watchingCondition(seen)], metadata.generation, now),
  };
  if (isDeepStrictEqual(next, status)) return { actions: [], requeueAfterMs: lookAgainMs };
  return { status: next, actions: [], requeueAfterMs: lookAgainMs };
}

function watchingCondition(seen: ObservedMonitor['seen']): ConditionDraft {
  if (seen.revision === undefined) {
    return {
      type: 'Watching',
      status: 'False',
      reason: 'NotServing',
      message: 'No revision serves yet: 0 requests are counted.',
    };
  }
  if (seen.state === 'learning') {
    return {
      type: 'Watching',
      status: 'False',
      reason: 'NoReference',
      message: `${seen.revision} has no reference: the notebook has no sample. ${seen.requests} requests are counted.`,
    };
  }
  return {
    type: 'Watching',
    status: 'True',
    reason: 'Counting',
    message: `${seen.streams.length} distributions of ${seen.revision} over ${seen.requests} requests, against ${seen.referenceRequests} of the reference.`,
  };
}
