import { isDeepStrictEqual } from 'node:util';
import { countOf } from '@galley/api/kind/count';
import { byExcess, type MonitorStatus } from '@galley/api/kind/monitor';
import { conditionsOf, type ConditionDraft } from '../condition.ts';
import type { Plan } from '../controller.ts';
import type { ObservedMonitor } from './observe.ts';

/** Counts are also read whenever somebody asks; between that, so often. A replica keeps its minutes for a day (docs/design/wire.md). */
const lookAgainMs = 15_000;
/**
 * Counts alone are written so often: under traffic they differ at every look, and each write wakes whoever watches the object,
 * this reconciler first of all.
 */
const writeCountsMs = 60_000;
/** What the object holds of a status; all of it is in the answer of `…/monitors/NAME/window`. */
const stored = { streams: 10, events: 10 };

/** A monitor only looks: its plan is its status. Pure. */
export function planMonitor({ monitor, seen }: ObservedMonitor, now: number): Plan<'Monitor', never> {
  const { metadata, status } = monitor;
  if (metadata.deletionTimestamp !== undefined) return { actions: [] };
  const next: MonitorStatus = {
    ...seen,
    streams: [...seen.streams].sort(byExcess).slice(0, stored.streams),
    events: seen.events.slice(-stored.events),
    conditions: conditionsOf(
      status.conditions,
      [watchingCondition(seen), steadyCondition(seen)],
      metadata.generation,
      now,
    ),
  };
  const age = now - Date.parse(status.observedAt ?? new Date(0).toISOString());
  const write =
    !isDeepStrictEqual(lasting(next), lasting(status)) || (age >= writeCountsMs && counted(next, status));
  return { ...(write ? { status: next } : {}), actions: [], requeueAfterMs: lookAgainMs };
}

/** What does not change with every request. */
function lasting({ revision, state, origin, problems, events, verdict, conditions }: MonitorStatus): unknown {
  return {
    verdict: verdict?.state,
    moved: verdict?.moved.map(({ id }) => id),
    revision,
    state,
    origin,
    problems,
    events: events.map(({ time, kind, value }) => [time, kind, value]),
    conditions,
  };
}

function counted(next: MonitorStatus, before: MonitorStatus): boolean {
  const { observedAt: _, ...counts } = next;
  const { observedAt: __, ...former } = before;
  return !isDeepStrictEqual(counts, former);
}

function watchingCondition(seen: ObservedMonitor['seen']): ConditionDraft {
  if (seen.revision === undefined) {
    return {
      type: 'Watching',
      status: 'False',
      reason: 'NotServing',
      message: 'No revision serves yet: nothing is counted.',
    };
  }
  const [problem] = seen.problems;
  if (problem !== undefined) {
    return { type: 'Watching', status: 'Unknown', reason: 'NotCounted', message: problem };
  }
  if (seen.state === 'learning') {
    return {
      type: 'Watching',
      status: 'False',
      reason: 'NoReference',
      message: `${seen.revision} has no reference: there was no sample when it was built. Only requests are counted.`,
    };
  }
  return {
    type: 'Watching',
    status: 'True',
    reason: 'Counting',
    message: `Requests to ${seen.revision} are counted against ${countOf(seen.referenceRequests, 'request')} of the reference (${seen.origin ?? 'no origin'}).`,
  };
}

/** Whether requests look like the reference, in the words of the verdict. */
function steadyCondition({ verdict }: ObservedMonitor['seen']): ConditionDraft {
  const type = 'Steady';
  if (verdict === undefined) {
    return { type, status: 'Unknown', reason: 'NoVerdict', message: 'There is no reference to judge by.' };
  }
  const { state, moved, streams } = verdict;
  const of = countOf(streams, 'stream');
  if (state === 'blind') {
    const message = `Too few requests to judge ${of}: galley monitor says how many more.`;
    return { type, status: 'Unknown', reason: 'Blind', message };
  }
  if (state === 'ok') return { type, status: 'True', reason: 'Ok', message: `None of ${of} has moved.` };
  const names = moved.slice(0, 3).map(({ id }) => id);
  const rest = moved.length > names.length ? ` and ${moved.length - names.length} more` : '';
  return {
    type,
    status: 'False',
    reason: state === 'broken' ? 'Broken' : 'Drifting',
    message: `${names.join(', ')}${rest} moved; alarm at ${verdict.alarmAt ?? 'some time'}.`,
  };
}
