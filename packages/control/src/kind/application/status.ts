import type { ErrorBody } from '@galley/api/error/galley-error';
import type { ApplicationStatus } from '@galley/api/kind/application';
import { resolveSpec } from '@galley/api/kind/application-defaults';
import type { Build } from '@galley/api/kind/build';
import type { Revision } from '@galley/api/kind/revision';
import { conditionsOf, findCondition, type ConditionDraft } from '../condition.ts';
import type { ObservedApplication } from './observe.ts';

/** What was last observed of an application. `dueBuild` is the build that is about to be made. */
export function applicationStatus(
  observed: ObservedApplication,
  dueBuild: string | undefined,
  now: number,
): ApplicationStatus {
  const { application, builds, revisions, traffic } = observed;
  const latestBuild = dueBuild ?? builds.at(-1)?.metadata.name;
  const newest = revisions.at(-1);
  const serving = revisions.find((revision) => revision.metadata.uid === traffic.route?.revision);
  const built = builtCondition(builds.at(-1), dueBuild);
  const serves = servingCondition(observed, serving, newest, built);
  const drafts = [
    built,
    serves,
    monitoredCondition(observed, serving),
    ...steadyCondition(observed, serving),
    readyCondition(observed, built, serves, serving, newest),
  ];
  return {
    url: observed.url,
    ...(latestBuild === undefined ? {} : { latestBuild }),
    ...(newest === undefined ? {} : { latestRevision: newest.metadata.name }),
    ...(serving === undefined ? {} : { servingRevision: serving.metadata.name }),
    readyReplicas: traffic.route?.targets.length ?? 0,
    conditions: conditionsOf(application.status.conditions, drafts, application.metadata.generation, now),
  };
}

function builtCondition(build: Build | undefined, due: string | undefined): ConditionDraft {
  const type = 'Built';
  if (due !== undefined || build === undefined) {
    return {
      type,
      status: 'Unknown',
      reason: 'Building',
      message: `${due ?? 'The first build'} is about to start.`,
    };
  }
  const { name } = build.metadata;
  const said = findCondition(build.status.conditions, 'Succeeded')?.message;
  switch (build.status.phase) {
    case 'Pending':
      return { type, status: 'Unknown', reason: 'Waiting', message: said ?? `${name} waits for its turn.` };
    case 'Running':
      return { type, status: 'Unknown', reason: 'Building', message: said ?? `${name} runs.` };
    case 'Succeeded':
      return { type, status: 'True', reason: 'Succeeded', message: said ?? `${name} succeeded.` };
    case 'Cancelled':
      return { type, status: 'False', reason: 'Cancelled', message: said ?? `${name} was stopped.` };
    case 'Failed': {
      // Written by the build's own plan from a GalleyError.
      const error = build.status.error as ErrorBody | undefined;
      const message = `${name} failed (${error?.code ?? 'INTERNAL'}): ${error?.message ?? 'nothing was said'}`;
      return { type, status: 'False', reason: 'BuildFailed', message };
    }
  }
}

function servingCondition(
  observed: ObservedApplication,
  serving: Revision | undefined,
  newest: Revision | undefined,
  built: ConditionDraft,
): ConditionDraft {
  const type = 'Serving';
  if (newest === undefined) {
    const reason = built.status === 'False' ? built.reason : 'NoRevision';
    const message = `${observed.application.metadata.name} has no revision yet: ${built.message}`;
    return { type, status: 'False', reason, message };
  }
  const targets = observed.traffic.route?.targets.length ?? 0;
  if (serving === undefined || targets === 0) {
    const ready = findCondition((serving ?? newest).status.conditions, 'Ready');
    const message = ready?.message ?? `${newest.metadata.name} is being started.`;
    return { type, status: 'False', reason: ready?.reason ?? 'Starting', message };
  }
  const wanted = resolveSpec({ service: serving.spec.service }).replicas;
  const message = `${targets} of ${wanted} replicas of ${serving.metadata.name} answer.`;
  return { type, status: 'True', reason: targets < wanted ? 'Degraded' : 'Serving', message };
}

function monitoredCondition(observed: ObservedApplication, serving: Revision | undefined): ConditionDraft {
  const type = 'Monitored';
  const { monitor } = observed;
  if (monitor === undefined || serving === undefined) {
    return {
      type,
      status: 'Unknown',
      reason: 'NotServing',
      message: '0 requests are counted before something serves.',
    };
  }
  const said = findCondition(monitor.status.conditions, 'Watching');
  if (said === undefined) {
    return {
      type,
      status: 'Unknown',
      reason: 'Starting',
      message: `0 requests of ${serving.metadata.name} are read yet.`,
    };
  }
  return { type, status: said.status, reason: said.reason, message: said.message };
}

/** The monitor's verdict on the revision that serves, where it has one: `galley status` says when something moved. */
function steadyCondition(
  { monitor }: ObservedApplication,
  serving: Revision | undefined,
): readonly ConditionDraft[] {
  if (monitor === undefined || serving === undefined) return [];
  const said = findCondition(monitor.status.conditions, 'Steady');
  if (said === undefined || monitor.status.revision !== serving.metadata.name) return [];
  return [{ type: 'Steady', status: said.status, reason: said.reason, message: said.message }];
}

/** True when what was asked for last is what serves. Its reason and message are those of the first thing that is not so. */
function readyCondition(
  observed: ObservedApplication,
  built: ConditionDraft,
  serves: ConditionDraft,
  serving: Revision | undefined,
  newest: Revision | undefined,
): ConditionDraft {
  const type = 'Ready';
  const keeps = serving === undefined ? '' : ` ${serving.metadata.name} keeps serving.`;
  if (built.status !== 'True') return { ...built, type, message: `${built.message}${keeps}` };
  if (newest !== undefined && serving !== undefined && newest !== serving) {
    const ready = findCondition(newest.status.conditions, 'Ready');
    const message = `${ready?.message ?? `${newest.metadata.name} is being started.`}${keeps}`;
    return { type, status: 'False', reason: ready?.reason ?? 'RollingOut', message };
  }
  if (serves.status !== 'True') return { ...serves, type };
  if (newest === undefined || observed.builds.at(-1)?.metadata.name === undefined) return { ...serves, type };
  return { type, status: 'True', reason: 'Ready', message: serves.message };
}
