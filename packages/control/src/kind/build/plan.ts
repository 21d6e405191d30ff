import type { ErrorBody } from '@galley/api/error/galley-error';
import { isDigest } from '@galley/api/digest';
import { formatDuration } from '@galley/api/kind/duration';
import { imageNameOf, type BuildObjectStatus } from '@galley/api/kind/build';
import type { BuildResult } from '@galley/build/build';
import { conditionsOf, type ConditionDraft } from '../condition.ts';
import type { Plan } from '../controller.ts';
import { cancelAnnotation } from './annotations.ts';
import type { ObservedBuild } from './observe.ts';
import { phasesOf } from './phases.ts';
import { buildHasEnded } from './phase.ts';

/** Keeps the object until its task has stopped and its records are gone. */
export const buildFinalizer = 'galley.dev/build';
/** Builds at once: a training run alone fills a small machine. */
export const buildsAtOnceMax = 2;
/** Builds of their own that are kept with their reports, in one project: as many as an application keeps. */
export const ownBuildsKept = 20;
/** A build that waits for its turn is also woken when one ends; this is the safety net. */
const waitMs = 5000;

export type BuildAction =
  | { readonly do: 'addFinalizer' }
  | { readonly do: 'start'; readonly again: boolean }
  | { readonly do: 'cancel' }
  | { readonly do: 'retire'; readonly name: string }
  | { readonly do: 'forget' }
  | { readonly do: 'removeRecords' }
  | { readonly do: 'removeFinalizer' };

/** What is to be done about a build. Pure. */
export function planBuild(observed: ObservedBuild, now: number): Plan<'Build', BuildAction> {
  const { build, task } = observed;
  const { metadata, status } = build;
  if (metadata.deletionTimestamp !== undefined) return planDeletion(observed);
  if (buildHasEnded(build)) return { actions: task === undefined ? [] : [{ do: 'forget' }] };
  if (task !== undefined && task.state !== 'running') return planEnd(observed, task, now);
  const reason = metadata.annotations[cancelAnnotation];
  if (reason !== undefined) {
    if (task?.state === 'running') return { actions: [{ do: 'cancel' }] };
    return { status: cancelled(observed, reason, now), actions: [] };
  }
  if (task?.state === 'running') return { actions: [] };
  const wait = waitsFor(observed);
  if (wait !== undefined) {
    const draft = { type: 'Succeeded', status: 'Unknown', reason: 'Waiting', message: wait } as const;
    return {
      status: { ...status, conditions: conditions(observed, draft, now) },
      actions: [],
      requeueAfterMs: waitMs,
    };
  }
  const again = status.phase === 'Running';
  const finalizer = metadata.finalizers.includes(buildFinalizer) ? [] : [{ do: 'addFinalizer' } as const];
  const retired = observed.endedOwn.slice(ownBuildsKept - 1).map((name) => ({ do: 'retire', name }) as const);
  return {
    status: running(observed, again, now),
    actions: [...finalizer, { do: 'start', again }, ...retired],
  };
}

/** Why it does not start yet. */
function waitsFor(observed: ObservedBuild): string | undefined {
  const { build } = observed;
  // Both would use, and remove, the same workloads: a step's name says what it does, not for whom. And what the first has made, the second
  // need not make again.
  if (observed.siblingRuns)
    return `Another build of ${imageNameOf(build)} runs; ${build.metadata.name} comes next.`;
  if (observed.running < buildsAtOnceMax) return undefined;
  return `${observed.running} builds run; this one waits for its turn.`;
}

function planDeletion(observed: ObservedBuild): Plan<'Build', BuildAction> {
  if (observed.task?.state === 'running') return { actions: [{ do: 'cancel' }] };
  return { actions: [{ do: 'forget' }, { do: 'removeRecords' }, { do: 'removeFinalizer' }] };
}

function planEnd(
  observed: ObservedBuild,
  task: Exclude<ObservedBuild['task'], undefined | { state: 'running' }>,
  now: number,
): Plan<'Build', BuildAction> {
  const actions: BuildAction[] = [{ do: 'forget' }];
  if (task.state === 'succeeded') return { status: succeeded(observed, task.result, now), actions };
  const reason = observed.build.metadata.annotations[cancelAnnotation];
  if (reason !== undefined) return { status: cancelled(observed, reason, now), actions };
  return { status: failed(observed, task.error.toJSON(), now), actions };
}

function running(observed: ObservedBuild, again: boolean, now: number): BuildObjectStatus {
  const { status, metadata } = observed.build;
  const message = again
    ? `The server ended while ${metadata.name} ran; it runs again, and what was done is not repeated.`
    : `${metadata.name} runs.`;
  return {
    ...status,
    phase: 'Running',
    startedAt: status.startedAt ?? new Date(now).toISOString(),
    conditions: conditions(
      observed,
      { type: 'Succeeded', status: 'Unknown', reason: again ? 'RunsAgain' : 'Running', message },
      now,
    ),
  };
}

function succeeded(observed: ObservedBuild, result: BuildResult, now: number): BuildObjectStatus {
  const { status, metadata } = observed.build;
  const took = formatDuration(now - Date.parse(status.startedAt ?? new Date(now).toISOString()));
  const { report, executedNotebook, reference, schema, golden, model, recipeBlob } = result;
  const message = `${metadata.name} made the image ${result.image} of ${result.layers.length} layers in ${took}.`;
  return {
    phase: 'Succeeded',
    ...times(status, now),
    image: result.image,
    environment: result.environment,
    candidate: result.candidate,
    sourceDigest: result.sourceDigest,
    lockDigest: result.lockDigest,
    trainingKey: result.trainingKey,
    layers: result.layers.map((layer) => ({ ...layer })),
    phases: result.phases.map((phase) => ({ ...phase })),
    records: {
      report,
      executedNotebook,
      schema,
      golden,
      model,
      recipe: recipeBlob,
      ...(reference === undefined ? {} : { reference }),
    },
    ...(result.settings === undefined ? {} : { settings: result.settings }),
    warnings: [...result.warnings],
    conditions: conditions(
      observed,
      { type: 'Succeeded', status: 'True', reason: 'Succeeded', message },
      now,
    ),
  };
}

function failed(observed: ObservedBuild, error: ErrorBody, now: number): BuildObjectStatus {
  const { status } = observed.build;
  return {
    ...status,
    phase: 'Failed',
    ...times(status, now),
    phases: phasesOf(observed.events),
    records: { ...status.records, ...recordsOf(error) },
    error,
    conditions: conditions(
      observed,
      { type: 'Succeeded', status: 'False', reason: error.code, message: error.message },
      now,
    ),
  };
}

function cancelled(observed: ObservedBuild, reason: string, now: number): BuildObjectStatus {
  const { status, metadata } = observed.build;
  const message = `${metadata.name} was stopped: ${reason}.`;
  return {
    ...status,
    phase: 'Cancelled',
    ...times(status, now),
    phases: phasesOf(observed.events),
    conditions: conditions(
      observed,
      { type: 'Succeeded', status: 'False', reason: 'Cancelled', message },
      now,
    ),
  };
}

function times(status: BuildObjectStatus, now: number): { startedAt: string; endedAt: string } {
  const endedAt = new Date(now).toISOString();
  return { startedAt: status.startedAt ?? endedAt, endedAt };
}

/** A failed build may have left a report and an executed notebook: its error names their digests (`explainRun`). */
function recordsOf(error: ErrorBody): Record<string, string> {
  const found: Record<string, string> = {};
  const { records } = error.details;
  if (typeof records !== 'object' || records === null) return found;
  for (const name of ['report', 'executedNotebook']) {
    const digest: unknown = Object.getOwnPropertyDescriptor(records, name)?.value;
    if (typeof digest === 'string' && isDigest(digest)) found[name] = digest;
  }
  return found;
}

function conditions(observed: ObservedBuild, draft: ConditionDraft, now: number) {
  const { status, metadata } = observed.build;
  return conditionsOf(status.conditions, [draft], metadata.generation, now);
}
