import type { ApplicationBuild } from '@galley/api/kind/build';
import type { Revision } from '@galley/api/kind/revision';
import { describe, expect, test } from 'vitest';
import type { ObservedTraffic } from '../../traffic/traffic.ts';
import { cancelAnnotation, deployedAtAnnotation } from '../build/annotations.ts';
import { findCondition } from '../condition.ts';
import { initialStatus } from '../../store/initial-status.ts';
import { someApplication, someBuild, someCondition, someMonitor, someRevision } from '../test-objects.ts';
import type { ObservedApplication } from './observe.ts';
import { applicationFinalizer, planApplication } from './plan.ts';
import { revisionSpec } from './revision-spec.ts';

const now = Date.parse('2026-03-01T12:00:00Z');
const finalizers = [applicationFinalizer];
const application = someApplication({ metadata: { finalizers } });
const nowhere: ObservedTraffic = { route: undefined, applied: true, inFlight: {} };

function observe(more: Partial<ObservedApplication>): ObservedApplication {
  return {
    application,
    builds: [],
    sharesSteps: false,
    revisions: [],
    monitor: undefined,
    traffic: nowhere,
    steps: [],
    socketOf: (workload) => `/run/${workload}.sock`,
    url: 'http://iris.default.localhost:7080',
    ...more,
  };
}

/** A revision as its build makes it, with one replica. */
function revisionOf(build: ApplicationBuild, ready: boolean): Revision {
  const { number } = build.spec;
  const spec = revisionSpec(build, application.spec, number);
  const workload = `iris-${number}-0`;
  const replica = { workload, phase: 'running', ready, restarts: 0, failures: 0 };
  return someRevision(number, {
    ...(spec === undefined ? {} : { spec }),
    status: {
      replicas: [replica],
      conditions: [someCondition('Ready', ready ? 'True' : 'False', 'CrashLoop')],
    },
  });
}

function routedTo(revision: Revision, more: Partial<ObservedTraffic> = {}): ObservedTraffic {
  const targets = revision.status.replicas.map(({ workload }) => ({
    id: workload,
    socket: `/run/${workload}.sock`,
  }));
  const route = { project: 'default', name: 'iris', revision: revision.metadata.uid, targets };
  return { route, applied: true, inFlight: {}, ...more };
}

const actions = (more: Partial<ObservedApplication>) =>
  planApplication(observe(more), now).actions.filter((action) => action.do !== 'createMonitor');

const one = someBuild(1, 'Succeeded');
const two = someBuild(2, 'Succeeded');

describe('builds', () => {
  test('the first is made at once, the next when what it is made from changed or a person asks again', () => {
    expect(actions({})).toMatchObject([{ do: 'createBuild', name: 'iris-1', number: 1 }]);
    const built = { builds: [someBuild(1, 'Running')] };
    expect(actions(built)).toEqual([]);
    const spec = { source: { git: { url: 'https://example.org/iris.git' } } };
    const changed = someApplication({ metadata: { finalizers }, spec });
    const asked = someApplication({
      metadata: { finalizers, annotations: { [deployedAtAnnotation]: 'now' } },
    });
    for (const due of [changed, asked]) {
      expect(actions({ ...built, application: due })).toMatchObject([
        { do: 'createBuild', name: 'iris-2' },
        { do: 'cancelBuild', name: 'iris-1' },
      ]);
    }
  });

  test('an older one is stopped also when we were killed right after the newer one was made, and is told so once', () => {
    expect(actions({ builds: [someBuild(1, 'Running'), someBuild(2, 'Pending')] })).toEqual([
      { do: 'cancelBuild', name: 'iris-1', reason: 'iris-2 takes its place' },
    ]);
    const annotations = { [cancelAnnotation]: 'iris-2 takes its place' };
    const builds = [someBuild(1, 'Running', { metadata: { annotations } }), someBuild(2, 'Running')];
    expect(actions({ builds })).toEqual([]);
  });
});

describe('revisions', () => {
  test('one is made of a build that succeeded, under its number, and only once', () => {
    expect(actions({ builds: [one] })).toMatchObject([{ do: 'createRevision', name: 'iris-1' }]);
    expect(actions({ builds: [one], revisions: [revisionOf(one, false)] })).toEqual([]);
  });

  test('none is made while a newer build is on its way, and a failed one leaves the last good one', () => {
    expect(actions({ builds: [one, someBuild(2, 'Running')] })).toEqual([]);
    expect(actions({ builds: [one, someBuild(2, 'Failed')] })).toMatchObject([
      { do: 'createRevision', spec: { build: 'iris-1' } },
    ]);
  });

  test('another way of running makes another revision of the same build', () => {
    const spec = { service: { env: { LEVEL: 'debug' } } };
    const changed = someApplication({ metadata: { finalizers }, spec });
    const revisions = [revisionOf(one, false)];
    expect(actions({ application: changed, builds: [one], revisions })).toMatchObject([
      { do: 'createRevision', name: 'iris-2', spec: { build: 'iris-1', service: spec.service } },
    ]);
  });
});

describe('traffic', () => {
  test('goes to a new revision when all of it answers, and not before', () => {
    const [old, fresh] = [revisionOf(one, true), revisionOf(two, true)];
    const unready = revisionOf(two, false);
    const traffic = routedTo(old);
    expect(actions({ builds: [one, two], revisions: [old, unready], traffic })).toEqual([]);
    expect(actions({ builds: [one, two], revisions: [old, fresh], traffic })).toMatchObject([
      { do: 'route', revision: fresh.metadata.uid },
    ]);
  });

  test('does not go back to an older revision when the newer one is unwell', () => {
    const [old, fresh] = [revisionOf(one, true), revisionOf(two, false)];
    const traffic = routedTo(fresh);
    expect(actions({ builds: [one, two], revisions: [old, fresh], traffic })).toMatchObject([
      { do: 'route', revision: fresh.metadata.uid, targets: [] },
    ]);
  });

  test('is routed again when the gateway does not use what was written', () => {
    const only = revisionOf(one, true);
    const traffic = routedTo(only, { applied: false });
    expect(actions({ builds: [one], revisions: [only], traffic })).toMatchObject([{ do: 'route' }]);
  });

  test('a revision that cannot become ready is told with its reason and with the one that keeps serving', () => {
    const [old, broken] = [revisionOf(one, true), revisionOf(two, false)];
    const { status } = planApplication(
      observe({ builds: [one, two], revisions: [old, broken], traffic: routedTo(old) }),
      now,
    );
    expect(status).toMatchObject({ servingRevision: 'iris-1', latestRevision: 'iris-2' });
    expect(findCondition(status?.conditions ?? [], 'Ready')).toMatchObject({
      status: 'False',
      reason: 'CrashLoop',
      message: '1 Ready iris-1 keeps serving.',
    });
    expect(findCondition(status?.conditions ?? [], 'Serving')).toMatchObject({ status: 'True' });
  });
});

test('a deleted one first gets no more requests, then loses what it owns, then goes', () => {
  const deletionTimestamp = new Date(now).toISOString();
  const deleted = someApplication({ metadata: { finalizers, deletionTimestamp } });
  const revision = revisionOf(one, true);
  const all = { application: deleted, builds: [one], revisions: [revision], traffic: routedTo(revision) };
  expect(actions(all).map((action) => action.do)).toEqual(['unroute', 'deleteObject', 'deleteObject']);
  expect(actions({ application: deleted })).toEqual([{ do: 'removeFinalizer' }]);
});

test('a step that no build will take up again is removed, also when the application goes', () => {
  const steps = ['train-0a1b2c3d'];
  const removal = { do: 'removeStep', workload: 'train-0a1b2c3d' };
  const revisions = [revisionOf(one, true)];
  const serving = { revisions, traffic: routedTo(revisions[0] ?? someRevision(1)) };
  expect(actions({ ...serving, builds: [one, someBuild(2, 'Cancelled')], steps })).toEqual([removal]);
  expect(actions({ ...serving, builds: [one, someBuild(2, 'Running')], steps })).toEqual([]);
  expect(actions({ ...serving, builds: [one], steps, sharesSteps: true })).toEqual([]);
  const deletionTimestamp = new Date(now).toISOString();
  const deleted = someApplication({ metadata: { finalizers, deletionTimestamp } });
  expect(actions({ application: deleted, steps })).toEqual([removal, { do: 'removeFinalizer' }]);
});

test('old revisions and builds go, never the one that serves', () => {
  const builds = Array.from({ length: 25 }, (_, index) => someBuild(index + 1, 'Succeeded'));
  const revisions = builds.map((build) => revisionOf(build, true));
  const serving = revisions[2];
  if (serving === undefined) throw new Error('there are 25');
  const traffic = routedTo(serving);
  const gone = actions({ builds, revisions, traffic }).flatMap((action) =>
    action.do === 'deleteObject' ? [`${action.kind} ${action.name}`] : [],
  );
  expect(gone).not.toContain('Revision iris-3');
  expect(gone).toContain('Revision iris-15');
  expect(gone).not.toContain('Revision iris-16');
  expect(gone.filter((name) => name.startsWith('Build'))).toEqual([]);
});

test('the verdict on what serves is a condition of the application, one on what served before is not', () => {
  const revision = revisionOf(one, true);
  const steady = (of: string) => {
    const monitor = someMonitor({
      ...initialStatus.Monitor,
      revision: of,
      conditions: [someCondition('Steady', 'False', 'Drifting')],
    });
    const { status } = planApplication(
      observe({ builds: [one], revisions: [revision], traffic: routedTo(revision), monitor }),
      now,
    );
    return status?.conditions.find(({ type }) => type === 'Steady');
  };
  expect(steady(revision.metadata.name)).toMatchObject({ status: 'False', reason: 'Drifting' });
  expect(steady('iris-0')).toBeUndefined();
});
