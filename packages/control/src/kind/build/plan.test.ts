import { GalleyError } from '@galley/api/error/galley-error';
import type { BuildResult } from '@galley/build/build';
import { expect, test } from 'vitest';
import { someBuild, someImage, someOwnBuild } from '../test-objects.ts';
import { cancelAnnotation } from './annotations.ts';
import type { ObservedBuild } from './observe.ts';
import { buildFinalizer, buildsAtOnceMax, ownBuildsKept, planBuild } from './plan.ts';

const now = Date.parse('2026-03-01T12:00:00Z');
const finalizers = [buildFinalizer];
const cancelled = { finalizers, annotations: { [cancelAnnotation]: 'iris-2 takes its place' } };
const failure = new GalleyError('NOTEBOOK_FAILED', 'model.ipynb cell 2 failed: ZeroDivisionError.');
const result = {
  image: someImage,
  environment: someImage,
  layers: [],
  phases: [],
  warnings: [],
  settings: {},
  report: someImage,
  // What the plan reads of it.
} as unknown as BuildResult;

function plan(build: ObservedBuild['build'], more: Partial<ObservedBuild> = {}) {
  const planned = planBuild(
    { build, task: undefined, running: 0, siblingRuns: false, events: [], endedOwn: [], ...more },
    now,
  );
  return { phase: planned.status?.phase, actions: planned.actions, status: planned.status };
}

test('a build that waits is started, at most so many at once', () => {
  const build = someBuild(1, 'Pending', { metadata: { finalizers } });
  expect(plan(build)).toMatchObject({ phase: 'Running', actions: [{ do: 'start', again: false }] });
  expect(plan(build, { running: buildsAtOnceMax })).toMatchObject({ phase: 'Pending', actions: [] });
});

test('it waits until another build of its application has stopped: they would share their workloads', () => {
  const build = someBuild(2, 'Pending', { metadata: { finalizers } });
  const planned = plan(build, { running: 1, siblingRuns: true });
  expect(planned).toMatchObject({ phase: 'Pending', actions: [] });
  expect(planned.status?.conditions).toMatchObject([{ reason: 'Waiting' }]);
});

test('builds that no application looks after do not pile up: the oldest go when the next one begins', () => {
  const build = someOwnBuild('iris-x7k2p', 'Pending', { metadata: { finalizers } });
  const endedOwn = Array.from({ length: ownBuildsKept + 1 }, (_, age) => `ended-${age}`);
  expect(plan(build, { endedOwn }).actions).toEqual([
    { do: 'start', again: false },
    { do: 'retire', name: `ended-${ownBuildsKept - 1}` },
    { do: 'retire', name: `ended-${ownBuildsKept}` },
  ]);
});

test('one that was running when the server was killed runs again, since its first start', () => {
  const startedAt = '2026-03-01T11:00:00.000Z';
  const build = someBuild(1, 'Running', { metadata: { finalizers }, status: { startedAt } });
  const { phase, actions, status } = plan(build);
  expect([phase, actions]).toEqual(['Running', [{ do: 'start', again: true }]]);
  expect(status).toMatchObject({ startedAt, conditions: [{ reason: 'RunsAgain' }] });
  expect(plan(build, { task: { state: 'running' } }).actions).toEqual([]);
});

test('its end is written before it is forgotten, and an end that is written is forgotten', () => {
  const build = someBuild(1, 'Running', { metadata: { finalizers } });
  expect(plan(build, { task: { state: 'succeeded', result } })).toMatchObject({
    phase: 'Succeeded',
    status: { image: someImage },
    actions: [{ do: 'forget' }],
  });
  expect(plan(build, { task: { state: 'failed', error: failure } })).toMatchObject({
    phase: 'Failed',
    status: { error: { code: 'NOTEBOOK_FAILED' } },
  });
  const ended = someBuild(1, 'Succeeded', { metadata: { finalizers } });
  expect(plan(ended, { task: { state: 'succeeded', result } }).actions).toEqual([{ do: 'forget' }]);
  expect(plan(ended).actions).toEqual([]);
});

test('a cancelled one is stopped where it runs, and is cancelled when it has stopped', () => {
  const build = someBuild(1, 'Running', { metadata: cancelled });
  expect(plan(build, { task: { state: 'running' } }).actions).toEqual([{ do: 'cancel' }]);
  expect(plan(build, { task: { state: 'failed', error: failure } }).phase).toBe('Cancelled');
  // Also after the server that ran it was killed.
  expect(plan(build)).toMatchObject({ phase: 'Cancelled', actions: [] });
});

test('a deleted one is stopped first, then its records go, then itself', () => {
  const deletionTimestamp = new Date(now).toISOString();
  const build = someBuild(1, 'Running', { metadata: { finalizers, deletionTimestamp } });
  expect(plan(build, { task: { state: 'running' } }).actions).toEqual([{ do: 'cancel' }]);
  expect(plan(build).actions).toEqual([{ do: 'forget' }, { do: 'removeRecords' }, { do: 'removeFinalizer' }]);
});

const records = { report: someImage, executedNotebook: someImage };
test.each([
  ['what a failed run left is kept with its build', { records: { ...records, other: someImage } }, records],
  ['one that left nothing has no records', {}, {}],
  ['records that name no blob are left out', { records: { report: 7, executedNotebook: '../x' } }, {}],
  ['records that are none are left out', { records: 'none' }, {}],
])('%s', (_what, details, kept) => {
  const build = someBuild(1, 'Running', { metadata: { finalizers } });
  const error = new GalleyError('NOTEBOOK_FAILED', 'Cell 2 failed.', { details });
  expect(plan(build, { task: { state: 'failed', error } }).status?.records).toEqual(kept);
});
