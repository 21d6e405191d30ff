import type { Revision } from '@galley/api/kind/revision';
import { backOffMs, restartBackOff } from '../../reconcile/back-off.ts';
import type { ObservedReplica, ObservedRevision } from './observe.ts';
import type { RevisionAction } from './plan.ts';
import { isRefusal } from './refusal.ts';
import type { ReplicaWorkload } from './replica-workload.ts';

type ReplicaStatus = Revision['status']['replicas'][number];

/** A replica that ran so long starts over in its back-off (as the kubelet's, engine.md §1.5). */
const goodRunMs = 600_000;
/** A replica that is starting is asked often at first: the first answer is what a person waits for. */
const startingPollMs = 150;
const eagerMs = 30_000;
const slowPollMs = 2000;
const readyPollMs = 10_000;
const unwellPollMs = 1000;
/** A replica that was ready stays so for this many missed answers; one may fall into a long computation. */
const missesMax = 3;
/** A replica that was ready and gives no answer for so long hangs: what runs in it will not end by itself. */
const hungMs = 60_000;
/** What of it still lives may end; more is not to be expected. */
const hungGraceMs = 1000;
/** From the second end in a row it is a loop and no accident. */
const crashLoopFailures = 2;

/** What is decided about one replica. */
export interface ReplicaPlan {
  readonly replica: ReplicaStatus;
  readonly actions: readonly RevisionAction[];
  readonly lookAgainMs: number;
  /** Why it is not ready. */
  readonly reason?: string;
  readonly message?: string;
}

export function planReplica(observed: ObservedRevision, workload: ReplicaWorkload, now: number): ReplicaPlan {
  const former = observed.revision.status.replicas.find((replica) => replica.workload === workload.id);
  const found = observed.replicas.get(workload.id);
  const base = {
    workload: workload.id,
    ready: false,
    restarts: former?.restarts ?? 0,
    failures: former?.failures ?? 0,
  };
  if (found === undefined) return planMissing(observed, workload, base);
  switch (found.status.phase) {
    case 'pending':
    case 'starting':
      return planPending(observed, found, base);
    case 'running':
      return planRunning(found, former, { base, workload }, now);
    case 'succeeded':
    case 'failed':
    case 'lost':
      return planEnded(found, workload, base, now);
  }
}

type Base = Pick<ReplicaStatus, 'workload' | 'ready' | 'restarts' | 'failures'>;

function planMissing(observed: ObservedRevision, workload: ReplicaWorkload, base: Base): ReplicaPlan {
  const { refused } = observed;
  const plan = { replica: { ...base, phase: 'pending' }, actions: [{ do: 'ensure', workload }] } as const;
  if (refused === undefined) {
    const message = `${workload.id} is being started.`;
    return { ...plan, lookAgainMs: startingPollMs, reason: 'Starting', message };
  }
  const fix = refused.hint === undefined ? '' : ` Next: ${refused.hint}`;
  const reason = isRefusal(refused) ? 'Refused' : 'EngineFailed';
  return { ...plan, lookAgainMs: slowPollMs, reason, message: `${refused.message}${fix}` };
}

function planPending(observed: ObservedRevision, found: ObservedReplica, base: Base): ReplicaPlan {
  const { status } = found;
  const reason = status.reason ?? 'Starting';
  const fix = observed.isolationFix === undefined ? '' : ` Run: ${observed.isolationFix}`;
  const said = status.message ?? `${status.id} is ${status.phase}.`;
  return {
    replica: {
      ...base,
      phase: status.phase,
      ...(status.reason === undefined ? {} : { reason: status.reason }),
    },
    actions: [],
    lookAgainMs: reason === 'NoIsolation' ? readyPollMs : startingPollMs,
    reason,
    message: said.includes(fix.trim()) ? said : `${said}${fix}`,
  };
}

function planRunning(
  found: ObservedReplica,
  former: ReplicaStatus | undefined,
  { base, workload }: { readonly base: Base; readonly workload: ReplicaWorkload },
  now: number,
): ReplicaPlan {
  const { status, health } = found;
  if (health?.ready === true) {
    return { replica: { ...base, phase: 'running', ready: true }, actions: [], lookAgainMs: readyPollMs };
  }
  const problem = health?.problem ?? 'it has not been asked yet';
  const misses = former?.ready === true ? missesOf(former) + 1 : 0;
  const since = former?.unwellSince ?? (misses > 0 ? new Date(now).toISOString() : undefined);
  const unwell = since === undefined ? {} : { unwellSince: since };
  if (misses > 0 && misses < missesMax) {
    const replica = { ...base, phase: 'running', ready: true, reason: `Missed${misses}`, ...unwell };
    return { replica, actions: [], lookAgainMs: unwellPollMs };
  }
  if (since !== undefined && now - Date.parse(since) >= hungMs)
    return planHung(workload, base, since, problem);
  const startedAt = status.startedAt ?? new Date(now).toISOString();
  const age = now - Date.parse(startedAt);
  return {
    replica: { ...base, phase: 'running', reason: 'NotHealthy', ...unwell },
    actions: [],
    lookAgainMs: age < eagerMs ? startingPollMs : slowPollMs,
    reason: 'Starting',
    message: `${status.id} runs since ${utc(Date.parse(startedAt))}: ${problem}`,
  };
}

function planHung(workload: ReplicaWorkload, base: Base, since: string, problem: string): ReplicaPlan {
  return {
    replica: { ...base, phase: 'running', reason: 'Hung', restarts: base.restarts + 1 },
    actions: [
      { do: 'remove', workload: workload.id, graceMs: hungGraceMs, collect: false },
      { do: 'ensure', workload },
    ],
    lookAgainMs: startingPollMs,
    reason: 'Hung',
    message: `${workload.id} gives no answer since ${utc(Date.parse(since))} and is replaced: ${problem}`,
  };
}

/**
 * A time for a message, to the second. Never how long ago it was: that differs at every look, is written, and what is written brings the
 * next look at once.
 */
function utc(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** How many answers a replica that counts as ready has missed in a row; kept in its reason, so that it outlives us. */
function missesOf(former: ReplicaStatus): number {
  return Number(/^Missed(\d)$/.exec(former.reason ?? '')?.[1] ?? 0);
}

function planEnded(found: ObservedReplica, workload: ReplicaWorkload, base: Base, now: number): ReplicaPlan {
  const { status } = found;
  const endedAt = Date.parse(status.endedAt ?? new Date(now).toISOString());
  const startedAt = Date.parse(status.startedAt ?? status.endedAt ?? new Date(now).toISOString());
  const failures = endedAt - startedAt >= goodRunMs ? 1 : base.failures + 1;
  const dueAt = endedAt + backOffMs(restartBackOff, failures);
  const ended = status.message ?? `It ended with exit code ${status.exitCode ?? 'unknown'}.`;
  const reason = status.reason ?? 'Ended';
  const replica = { ...base, phase: status.phase, reason };
  if (now >= dueAt) {
    return {
      replica: { ...replica, restarts: base.restarts + 1, failures },
      actions: [
        { do: 'remove', workload: workload.id, graceMs: 0, collect: false },
        { do: 'ensure', workload },
      ],
      lookAgainMs: startingPollMs,
      reason: failures >= crashLoopFailures ? 'CrashLoop' : reason,
      message: `${workload.id} is started again. ${ended}`,
    };
  }
  return {
    replica,
    actions: [],
    lookAgainMs: dueAt - now,
    reason: failures >= crashLoopFailures ? 'CrashLoop' : reason,
    message: `${workload.id}: ${ended} It is started again at ${utc(dueAt)}.`,
  };
}
