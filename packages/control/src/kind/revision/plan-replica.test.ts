import { expect, test } from 'vitest';
import type { WorkloadStatus } from '@galley/engine/engine';
import { someRevision } from '../test-objects.ts';
import type { ObservedRevision } from './observe.ts';
import { planReplica } from './plan-replica.ts';
import { replicaWorkloads } from './replica-workload.ts';

const start = Date.parse('2024-05-01T00:00:00Z');
const revision = someRevision(1);

/** What is decided about a replica that is not well, `afterMs` later than `start`. */
function unwell(replica: { ready: boolean; reason?: string; unwellSince?: string }, afterMs: number) {
  const [workload] = replicaWorkloads(revision);
  if (workload === undefined) throw new Error('a revision has a replica');
  const former = { workload: workload.id, phase: 'running', restarts: 0, failures: 0, ...replica };
  const observed: ObservedRevision = {
    revision: someRevision(1, { status: { replicas: [former] } }),
    application: undefined,
    newest: true,
    traffic: { route: undefined, applied: true, inFlight: {} },
    replicas: new Map([
      [
        workload.id,
        {
          // What else a status has is of no interest here.
          status: { id: workload.id, phase: 'running', labels: {} } as unknown as WorkloadStatus,
          health: { ready: false, problem: '/healthz answered 503' },
        },
      ],
    ]),
    isolationFix: undefined,
    refused: undefined,
  };
  return planReplica(observed, workload, start + afterMs);
}

/** Messages of looks a tenth of a second apart at one replica in this state. */
function messages(
  status: Partial<WorkloadStatus>,
  problem: string | undefined,
): ReadonlySet<string | undefined> {
  const [workload] = replicaWorkloads(revision);
  if (workload === undefined) throw new Error('a revision has a replica');
  // What else a status has is of no interest here.
  const full = { id: workload.id, phase: 'running', labels: {}, ...status } as WorkloadStatus;
  const health = problem === undefined ? undefined : { ready: false, problem };
  const observed: ObservedRevision = {
    revision,
    application: undefined,
    newest: true,
    traffic: { route: undefined, applied: true, inFlight: {} },
    replicas: new Map([[workload.id, { status: full, health }]]),
    isolationFix: undefined,
    refused: undefined,
  };
  const looks = Array.from({ length: 20 }, (_, tenth) => start + tenth * 100);
  return new Set(looks.map((now) => planReplica(observed, workload, now).message));
}

test('a replica that is starting says the same at every look: what differs is written and brings the next look at once', () => {
  const startedAt = '2024-04-30T23:59:59.500Z';
  const said = messages({ startedAt }, '/healthz answered 503');
  expect([...said]).toEqual([
    expect.stringMatching(/runs since 2024-04-30T23:59:59Z: \/healthz answered 503$/),
  ]);
});

test('a replica that waits for its restart says when that is', () => {
  const ended = {
    phase: 'failed',
    startedAt: '2024-04-30T23:59:58Z',
    endedAt: '2024-05-01T00:00:00Z',
    exitCode: 1,
  } as const;
  const said = [...messages({ ...ended }, undefined)];
  const waiting = said.filter((text) => text?.includes('started again at'));
  expect(waiting).toHaveLength(1);
  expect(waiting[0]).toMatch(/exit code 1\. It is started again at 2024-05-01T00:0\d:\d\dZ\.$/);
});

test('a replica that was ready is remembered as unwell from its first missed answer on', () => {
  const missed = unwell({ ready: true }, 0);
  expect(missed.replica).toMatchObject({
    ready: true,
    reason: 'Missed1',
    unwellSince: '2024-05-01T00:00:00.000Z',
  });
  const gone = unwell({ ...missed.replica, reason: 'Missed2' }, 2000);
  expect(gone.replica).toMatchObject({ ready: false, unwellSince: '2024-05-01T00:00:00.000Z' });
  expect(gone.actions).toEqual([]);
});

test('a replica that gives no answer for a minute hangs and is replaced', () => {
  const since = { ready: false, reason: 'NotHealthy', unwellSince: '2024-05-01T00:00:00.000Z' };
  expect(unwell(since, 59_999).actions).toEqual([]);
  const hung = unwell(since, 60_000);
  expect(hung.actions.map((action) => action.do)).toEqual(['remove', 'ensure']);
  expect(hung.replica).toMatchObject({ reason: 'Hung', restarts: 1 });
  expect(hung.replica).not.toHaveProperty('unwellSince');
  expect(hung.message).toMatch(/gives no answer since 2024-05-01T00:00:00Z and is replaced/);
});

test('a replica that has never been ready is not taken for one that hangs, however long it loads', () => {
  expect(unwell({ ready: false, reason: 'NotHealthy' }, 3_600_000).actions).toEqual([]);
});

test('the first replica of a revision proves it; every other, and every restart since, only loads', () => {
  const two = { service: { replicas: { min: 2 } } };
  const golden = (proven: boolean) =>
    replicaWorkloads(someRevision(1, { spec: two, status: { proven } })).map(
      ({ env }) => env['GALLEY_GOLDEN'],
    );
  expect(golden(false)).toEqual([undefined, 'warm']);
  expect(golden(true)).toEqual(['warm', 'warm']);
  const ids = (proven: boolean) =>
    replicaWorkloads(someRevision(1, { spec: two, status: { proven } })).map(({ id }) => id);
  expect(ids(true)).toEqual(ids(false));
});
