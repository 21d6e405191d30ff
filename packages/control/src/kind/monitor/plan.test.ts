import { expect, test } from 'vitest';
import type { Monitor, StreamDistance } from '@galley/api/kind/monitor';
import type { Moved, Verdict } from '@galley/api/kind/verdict';
import { monitorStatus } from '../../monitor/monitor-status.ts';
import { readReference } from '../../monitor/reference.ts';
import { BucketSums } from '../../monitor/stream-sums.ts';
import { initialStatus } from '../../store/initial-status.ts';
import { someMonitor } from '../test-objects.ts';
import type { ObservedMonitor } from './observe.ts';
import { planMonitor } from './plan.ts';

const reference = readReference({
  schema: 'galley.dev/reference/v1',
  origin: 'held-out',
  requests: 10,
  streams: [],
});
const start = Date.parse('2024-05-01T00:00:00Z');

function seen(
  requests: number,
  now: number,
  more: Partial<ObservedMonitor['seen']> = {},
): ObservedMonitor['seen'] {
  const sums = new BucketSums();
  sums.add({ seq: 1, minute: 1, requests, rows: requests, failures: 0, late: 0, streams: {} });
  const status = monitorStatus({
    revision: 'iris-1',
    reference,
    sums,
    sightings: [],
    answered: undefined,
    problems: [],
    verdict: undefined,
    observedAt: new Date(now).toISOString(),
    window: {},
  });
  return { ...status, ...more };
}

test('counts that grow with every look are written once a minute, not at every look', () => {
  let status: Monitor['status'] = initialStatus.Monitor;
  const written: number[] = [];
  for (let second = 0; second < 180; second += 1) {
    const now = start + second * 1000;
    const plan = planMonitor({ monitor: someMonitor(status), seen: seen(second + 1, now) }, now);
    expect(plan.requeueAfterMs).toBe(15_000);
    if (plan.status === undefined) continue;
    ({ status } = plan);
    written.push(second);
  }
  expect(written).toEqual([0, 60, 120]);
});

test('a first sighting, a problem and another revision are written at once', () => {
  const first = planMonitor(
    { monitor: someMonitor(initialStatus.Monitor), seen: seen(1, start) },
    start,
  ).status;
  if (first === undefined) throw new Error('the first look is always written');
  const look = (more: Partial<ObservedMonitor['seen']>) =>
    planMonitor({ monitor: someMonitor(first), seen: seen(2, start + 1000, more) }, start + 1000).status;
  expect(look({})).toBeUndefined();
  const event = {
    time: '2024-05-01T00:00:00Z',
    kind: 'path',
    stream: 's',
    value: '1',
    count: 1,
    replica: 'r0',
  };
  expect(look({ events: [event] })?.events).toEqual([event]);
  expect(look({ revision: 'iris-2' })?.revision).toBe('iris-2');
  expect(look({ problems: ['Replica a did not answer.'] })?.conditions[0]).toMatchObject({
    type: 'Watching',
    status: 'Unknown',
    reason: 'NotCounted',
    message: 'Replica a did not answer.',
  });
});

test('a quiet service writes nothing however long it is quiet', () => {
  const first = planMonitor(
    { monitor: someMonitor(initialStatus.Monitor), seen: seen(1, start) },
    start,
  ).status;
  if (first === undefined) throw new Error('the first look is always written');
  const later = start + 3_600_000;
  expect(planMonitor({ monitor: someMonitor(first), seen: seen(1, later) }, later).status).toBeUndefined();
});

test('the object holds the ten streams that lie farthest beyond sampling', () => {
  const streams = Array.from({ length: 30 }, (_, index): StreamDistance => {
    const moved = {
      totalVariation: index / 100,
      expectedBySampling: 0.01,
      samplingSpread: 0.01,
      jensenShannon: 0,
    };
    return { id: `s${index}`, group: 'inputs', n: 1, referenceN: 1, ...moved };
  });
  const plan = planMonitor(
    { monitor: someMonitor(initialStatus.Monitor), seen: seen(1, start, { streams }) },
    start,
  );
  expect(plan.status?.streams.map(({ id }) => id)).toEqual(
    Array.from({ length: 10 }, (_, index) => `s${29 - index}`),
  );
});

const quiet: Verdict = {
  state: 'ok',
  evidence: 1,
  threshold: 5.72,
  falseAlarmsPerYear: 0.2,
  tolerance: 0.05,
  requestsAlike: 1,
  streams: 3,
  requests: 2,
  buckets: 1,
  moved: [],
};
const moved: Moved = {
  id: 'input/x',
  group: 'inputs',
  cells: ['null'],
  since: '2024-05-01T00:00:00.000Z',
  requests: 100,
  referenceRequests: 10_000,
  from: 0.2,
  to: 0.3,
  lower: 0.19,
  upper: 0.21,
  evidence: 7,
};

test('an alarm is written at once and says what moved; evidence that grows is not', () => {
  const look = (before: Monitor['status'], verdict: Verdict) =>
    planMonitor({ monitor: someMonitor(before), seen: seen(2, start + 1000, { verdict }) }, start + 1000)
      .status;
  const first = look(initialStatus.Monitor, quiet);
  if (first === undefined) throw new Error('the first look is always written');
  expect(first.conditions).toMatchObject([{}, { type: 'Steady', status: 'True', reason: 'Ok' }]);
  expect(look(first, { ...quiet, evidence: 3 })).toBeUndefined();
  const alarm: Verdict = {
    ...quiet,
    state: 'drifting',
    alarmAt: '2024-05-01T00:00:00.000Z',
    moved: [moved],
  };
  expect(look(first, alarm)?.conditions).toMatchObject([
    {},
    {
      type: 'Steady',
      status: 'False',
      reason: 'Drifting',
      message: 'input/x moved; alarm at 2024-05-01T00:00:00.000Z.',
    },
  ]);
});
