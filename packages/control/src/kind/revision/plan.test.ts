import { GalleyError } from '@galley/api/error/galley-error';
import type { Revision } from '@galley/api/kind/revision';
import type { WorkloadStatus } from '@galley/engine/engine';
import { describe, expect, test } from 'vitest';
import type { ObservedTraffic } from '../../traffic/traffic.ts';
import { findCondition } from '../condition.ts';
import { someApplication, someCondition, someRevision } from '../test-objects.ts';
import type { ObservedReplica, ObservedRevision } from './observe.ts';
import { drainMs, planRevision, revisionFinalizer } from './plan.ts';
import { replicaWorkloads } from './replica-workload.ts';

const now = Date.parse('2026-03-01T12:00:00Z');
const ago = (ms: number): string => new Date(now - ms).toISOString();
const revision = someRevision(1, { metadata: { finalizers: [revisionFinalizer] } });
const id = replicaWorkloads(revision)[0]?.id ?? '';
const nowhere: ObservedTraffic = { route: undefined, applied: true, inFlight: {} };
const routed: ObservedTraffic = {
  route: { project: 'default', name: 'iris', revision: revision.metadata.uid, targets: [] },
  applied: true,
  inFlight: {},
};

function replica(status: Partial<WorkloadStatus>, health?: ObservedReplica['health']): ObservedReplica {
  const quiet = { refusedHosts: [], reachedHosts: [], labels: {} };
  return { status: { id, specHash: '', phase: 'running', ...quiet, ...status }, health };
}

function observe(more: Partial<ObservedRevision> & { replica?: ObservedReplica } = {}): ObservedRevision {
  return {
    revision,
    application: someApplication(),
    newest: true,
    traffic: nowhere,
    replicas: new Map(more.replica === undefined ? [] : [[id, more.replica]]),
    isolationFix: undefined,
    refused: undefined,
    ...more,
  };
}

const verbs = (observed: ObservedRevision, at = now): readonly string[] =>
  planRevision(observed, at).actions.map((action) => action.do);
const ready = (observed: ObservedRevision) =>
  findCondition(planRevision(observed, now).status?.conditions ?? [], 'Ready');
const withReplica = (status: Partial<Revision['status']['replicas'][number]>): Revision => ({
  ...revision,
  status: {
    ...revision.status,
    replicas: [{ workload: id, phase: 'running', ready: true, restarts: 0, failures: 0, ...status }],
  },
});

describe('a revision that is wanted', () => {
  test('gets the replica that is missing, and keeps the one that is there', () => {
    expect(verbs(observe())).toEqual(['ensure']);
    expect(verbs(observe({ replica: replica({}, { ready: true }) }))).toEqual([]);
  });

  test('is ready when every replica answers', () => {
    expect(ready(observe())).toMatchObject({ status: 'False', reason: 'Starting' });
    expect(ready(observe({ replica: replica({}, { ready: true }) }))).toMatchObject({ status: 'True' });
  });

  test('says why a replica cannot be tried, with what to do, and tries again', () => {
    const refused = new GalleyError('SECRET_NOT_FOUND', 'Project default has no secret key.', {
      hint: 'galley secret set key',
    });
    const observed = observe({ refused });
    expect(ready(observed)).toMatchObject({
      reason: 'Refused',
      message: expect.stringContaining('no secret key. Next: galley secret set key'),
    });
    expect(verbs(observed)).toEqual(['ensure']);
  });

  test('stays ready for two answers that its replica misses, and not for a third', () => {
    const unwell = replica({}, { ready: false, problem: 'late' });
    const after = (reason?: string): string | undefined => {
      const before = withReplica(reason === undefined ? {} : { reason });
      return planRevision(observe({ revision: before, replica: unwell }), now).status?.replicas[0]?.reason;
    };
    expect([after(), after('Missed1'), after('Missed2')]).toEqual(['Missed1', 'Missed2', 'NotHealthy']);
  });

  test('starts a replica that ended again after a wait that doubles, and calls the second end a loop', () => {
    const ended = (ms: number): ObservedReplica =>
      replica({
        phase: 'failed',
        exitCode: 1,
        startedAt: ago(ms + 50),
        endedAt: ago(ms),
        message: 'It ended.',
      });
    expect(verbs(observe({ replica: ended(9000) }))).toEqual([]);
    expect(verbs(observe({ replica: ended(10_000) }))).toEqual(['remove', 'ensure']);
    const once = withReplica({ ready: false, failures: 1, restarts: 1 });
    expect(verbs(observe({ revision: once, replica: ended(19_000) }))).toEqual([]);
    expect(verbs(observe({ revision: once, replica: ended(20_000) }))).toEqual(['remove', 'ensure']);
    expect(ready(observe({ replica: ended(0) }))).toMatchObject({ reason: 'Ended' });
    expect(ready(observe({ revision: once, replica: ended(0) }))).toMatchObject({ reason: 'CrashLoop' });
  });

  test('adopts what an earlier life of control left, and takes away what its spec no longer names', () => {
    const replicas = new Map([
      [id, replica({}, { ready: true })],
      ['iris-1-7-0a0b0c0d', replica({ id: 'iris-1-7-0a0b0c0d' }, { ready: true })],
    ]);
    expect(planRevision(observe({ replicas }), now).actions).toMatchObject([
      { do: 'remove', workload: 'iris-1-7-0a0b0c0d' },
    ]);
  });
});

describe('a revision that is not wanted any more', () => {
  const old = { newest: false, replica: replica({}, { ready: true }) };

  test('keeps its replica while it has the traffic', () => {
    expect(verbs(observe({ ...old, traffic: routed }))).toEqual([]);
  });

  test('waits until the gateway uses the new route and the last request is answered', () => {
    expect(verbs(observe({ ...old, traffic: { ...nowhere, applied: false } }))).toEqual([]);
    expect(verbs(observe({ ...old, traffic: { ...nowhere, inFlight: { [id]: 1 } } }))).toEqual([]);
    expect(verbs(observe({ ...old, traffic: nowhere }))).toEqual(['remove']);
  });

  test('does not wait for ever for a request that does not end', () => {
    const conditions = [{ ...someCondition('Serving', 'False'), lastTransitionTime: ago(drainMs) }];
    const since = { ...revision, status: { ...revision.status, conditions } };
    const traffic = { ...nowhere, inFlight: { [id]: 1 } };
    expect(verbs(observe({ ...old, revision: since, traffic }))).toEqual(['remove']);
  });

  test('goes with its records only when it is deleted and its replica is gone', () => {
    const deleted = someRevision(1, {
      metadata: { deletionTimestamp: ago(0), finalizers: [revisionFinalizer] },
    });
    expect(verbs(observe({ revision: deleted, newest: false }))).toEqual([
      'removeRecords',
      'removeFinalizer',
    ]);
    expect(verbs(observe({ newest: false }))).toEqual([]);
  });
});
