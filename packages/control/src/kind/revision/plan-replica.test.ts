import { expect, test } from 'vitest';
import type { WorkloadStatus } from '@galley/engine/engine';
import { someRevision } from '../test-objects.ts';
import type { ObservedRevision } from './observe.ts';
import { planReplica } from './plan-replica.ts';
import { replicaWorkloads } from './replica-workload.ts';

const start = Date.parse('2024-05-01T00:00:00Z');
const revision = someRevision(1);

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
