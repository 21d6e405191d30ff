import type { Revision } from '@galley/api/kind/revision';
import { conditionsOf, findCondition, type ConditionDraft } from '../condition.ts';
import type { Plan } from '../controller.ts';
import type { ObservedRevision } from './observe.ts';
import { planReplica, type ReplicaPlan } from './plan-replica.ts';
import { replicaWorkloads, type ReplicaWorkload } from './replica-workload.ts';

/** Keeps the object until its replicas are gone. */
export const revisionFinalizer = 'galley.dev/replicas';
/** After its traffic has gone elsewhere, requests under way have so long to end (as the runtime's own grace). */
export const drainMs = 30_000;
/** SIGTERM to SIGKILL: the runtime answers what it has begun. */
export const stopGraceMs = 10_000;
const drainPollMs = 200;
/** A quiet revision is looked at this often. */
const idleMs = 10_000;

export type RevisionAction =
  | { readonly do: 'addFinalizer' }
  | { readonly do: 'removeFinalizer' }
  | { readonly do: 'ensure'; readonly workload: ReplicaWorkload }
  /** Its last counts are collected first when it still runs. */
  | { readonly do: 'remove'; readonly workload: string; readonly graceMs: number; readonly collect: boolean }
  | { readonly do: 'removeRecords' };

/** What is to be done about a revision. Pure. */
export function planRevision(observed: ObservedRevision, now: number): Plan<'Revision', RevisionAction> {
  const { revision, application, newest, traffic } = observed;
  const routed = traffic.route?.revision === revision.metadata.uid;
  const deleting = revision.metadata.deletionTimestamp !== undefined;
  const wanted = !deleting && application?.metadata.deletionTimestamp === undefined && (newest || routed);
  if (wanted) return planRunning(observed, routed && traffic.applied, now);
  return planEnd(observed, { routed, deleting, kept: application !== undefined }, now);
}

function planRunning(
  observed: ObservedRevision,
  serving: boolean,
  now: number,
): Plan<'Revision', RevisionAction> {
  const { revision } = observed;
  const workloads = replicaWorkloads(revision);
  const plans = workloads.map((workload) => planReplica(observed, workload, now));
  const wanted = new Set(workloads.map((workload) => workload.id));
  const strays = [...observed.replicas.keys()].filter((id) => !wanted.has(id));
  const actions: RevisionAction[] = plans.flatMap((plan) => plan.actions);
  for (const workload of strays)
    actions.push({ do: 'remove', workload, graceMs: stopGraceMs, collect: true });
  if (!revision.metadata.finalizers.includes(revisionFinalizer)) actions.unshift({ do: 'addFinalizer' });
  return {
    status: {
      replicas: plans.map((plan) => plan.replica),
      ...(revision.status.proven === true || plans[0]?.replica.ready === true ? { proven: true } : {}),
      serving,
      conditions: conditionsOf(
        revision.status.conditions,
        [readyCondition(observed, plans), servingCondition(revision, serving)],
        revision.metadata.generation,
        now,
      ),
    },
    actions,
    requeueAfterMs: Math.min(idleMs, ...plans.map((plan) => plan.lookAgainMs)),
  };
}

/** Not wanted any more: wait until nobody is being answered, then remove the replicas. */
function planEnd(
  observed: ObservedRevision,
  facts: { routed: boolean; deleting: boolean; kept: boolean },
  now: number,
): Plan<'Revision', RevisionAction> {
  const { revision, traffic } = observed;
  const ids = [...observed.replicas.keys()];
  const former = findCondition(revision.status.conditions, 'Serving');
  const drafts: ConditionDraft[] = [
    {
      type: 'Ready',
      status: 'False',
      reason: 'Superseded',
      message: `${revision.metadata.name} is not wanted any more.`,
    },
    servingCondition(revision, false),
  ];
  const conditions = conditionsOf(revision.status.conditions, drafts, revision.metadata.generation, now);
  const since = former?.status === 'False' ? Date.parse(former.lastTransitionTime) : now;
  const busy = ids.reduce((sum, id) => sum + (traffic.inFlight[id] ?? 0), 0);
  const drained = !facts.routed && (traffic.applied || !facts.kept) && busy === 0;
  const status = { replicas: ids.length === 0 ? [] : revision.status.replicas, serving: false, conditions };
  if (ids.length > 0 && !drained && now - since < drainMs) {
    return { status, actions: [], requeueAfterMs: drainPollMs };
  }
  const actions: RevisionAction[] = ids.map((workload) => ({
    do: 'remove',
    workload,
    graceMs: stopGraceMs,
    collect: true,
  }));
  if (facts.deleting) actions.push({ do: 'removeRecords' }, { do: 'removeFinalizer' });
  return { status, actions, ...(ids.length > 0 ? { requeueAfterMs: drainPollMs } : {}) };
}

function readyCondition(observed: ObservedRevision, plans: readonly ReplicaPlan[]): ConditionDraft {
  const { name } = observed.revision.metadata;
  const ready = plans.filter((plan) => plan.replica.ready).length;
  const answer = `${ready} of ${plans.length} replicas of ${name} answer /healthz`;
  if (ready === plans.length)
    return { type: 'Ready', status: 'True', reason: 'Ready', message: `${answer}.` };
  const pending = plans.find((plan) => !plan.replica.ready);
  return {
    type: 'Ready',
    status: 'False',
    reason: pending?.reason ?? 'Starting',
    message: `${answer}; ${pending?.message ?? 'the others are starting'}`,
  };
}

function servingCondition(revision: Revision, serving: boolean): ConditionDraft {
  const { name } = revision.metadata;
  return serving
    ? { type: 'Serving', status: 'True', reason: 'Routed', message: `Requests go to ${name}.` }
    : { type: 'Serving', status: 'False', reason: 'NotRouted', message: `No requests go to ${name}.` };
}
