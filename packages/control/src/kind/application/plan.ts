import { isDeepStrictEqual } from 'node:util';
import type { ApplicationBuild } from '@galley/api/kind/build';
import type { Revision } from '@galley/api/kind/revision';
import type { Target } from '../../gateway/route-table.ts';
import { cancelAnnotation, deployedAtAnnotation } from '../build/annotations.ts';
import { buildHasEnded } from '../build/phase.ts';
import { findCondition } from '../condition.ts';
import type { Plan } from '../controller.ts';
import { sameBuildInputs } from './build-inputs.ts';
import { retired } from './history.ts';
import type { ObservedApplication } from './observe.ts';
import { revisionSpec } from './revision-spec.ts';
import { applicationStatus } from './status.ts';

/** Keeps the object until nothing is routed to it and nothing of it is left. */
export const applicationFinalizer = 'galley.dev/application';

export type ApplicationAction =
  | { readonly do: 'addFinalizer' }
  | { readonly do: 'removeFinalizer' }
  | {
      readonly do: 'createBuild';
      readonly name: string;
      readonly number: number;
      readonly deployedAt: string | undefined;
    }
  | { readonly do: 'cancelBuild'; readonly name: string; readonly reason: string }
  | { readonly do: 'createRevision'; readonly name: string; readonly spec: Revision['spec'] }
  | { readonly do: 'createMonitor' }
  | { readonly do: 'route'; readonly revision: string; readonly targets: readonly Target[] }
  | { readonly do: 'unroute' }
  | { readonly do: 'removeStep'; readonly workload: string }
  | { readonly do: 'deleteObject'; readonly kind: 'Build' | 'Revision' | 'Monitor'; readonly name: string };

/** While it goes: how soon to look whether the last of it is gone; signals usually come first. */
const deletionPollMs = 500;

/** What is to be done about an application. Pure. */
export function planApplication(
  observed: ObservedApplication,
  now: number,
): Plan<'Application', ApplicationAction> {
  if (observed.application.metadata.deletionTimestamp !== undefined) return planDeletion(observed);
  const build = planBuild(observed);
  const revision = planRevision(observed, build !== undefined);
  const route = planRoute(observed);
  const actions: ApplicationAction[] = [];
  if (!observed.application.metadata.finalizers.includes(applicationFinalizer)) {
    actions.push({ do: 'addFinalizer' });
  }
  if (build !== undefined) actions.push(build);
  actions.push(...supersede(observed, build?.name));
  if (revision !== undefined) actions.push(revision);
  if (route !== undefined) actions.push(route);
  if (observed.monitor === undefined && observed.revisions.length > 0) actions.push({ do: 'createMonitor' });
  if (build === undefined) actions.push(...abandonedSteps(observed));
  actions.push(...retired(observed));
  return { status: applicationStatus(observed, build?.name, now), actions };
}

/** First no more requests, then everything it owns, then itself. */
function planDeletion(observed: ObservedApplication): Plan<'Application', ApplicationAction> {
  const { builds, revisions, monitor, traffic } = observed;
  const route: ApplicationAction[] = traffic.route === undefined ? [] : [{ do: 'unroute' }];
  const owned = [...builds, ...revisions, ...(monitor === undefined ? [] : [monitor])];
  const fresh = owned.filter((object) => object.metadata.deletionTimestamp === undefined);
  const removals = fresh.map(
    (object) => ({ do: 'deleteObject', kind: object.kind, name: object.metadata.name }) as const,
  );
  if (owned.length === 0)
    return { actions: [...route, ...abandonedSteps(observed), { do: 'removeFinalizer' }] };
  return { actions: [...route, ...removals], requeueAfterMs: deletionPollMs };
}

/** Steps that no build will take up again: the server was killed, and then their build was cancelled or deleted. */
function abandonedSteps(observed: ObservedApplication): readonly ApplicationAction[] {
  const { builds, steps, sharesSteps } = observed;
  if (sharesSteps || !builds.every(buildHasEnded)) return [];
  return steps.map((workload) => ({ do: 'removeStep', workload }));
}

/** A build is due when there is none, when what it would be made from changed, or when a person asks again. */
function planBuild(
  observed: ObservedApplication,
): Extract<ApplicationAction, { do: 'createBuild' }> | undefined {
  const { application, builds, revisions } = observed;
  const latest = builds.at(-1);
  const deployedAt = application.metadata.annotations[deployedAtAnnotation];
  const askedAgain =
    deployedAt !== undefined && latest?.metadata.annotations[deployedAtAnnotation] !== deployedAt;
  const changed = latest === undefined || !sameBuildInputs(latest.spec.snapshot, application.spec);
  if (!changed && !askedAgain) return undefined;
  const number = nextNumber(builds, revisions);
  return { do: 'createBuild', name: `${application.metadata.name}-${number}`, number, deployedAt };
}

/** Builds and revisions share one row of numbers, so that `iris-3` names one moment in the life of `iris`. */
function nextNumber(builds: readonly ApplicationBuild[], revisions: readonly Revision[]): number {
  return Math.max(0, ...builds.map((build) => build.spec.number), ...revisions.map((r) => r.spec.number)) + 1;
}

/** Every build but the newest is stopped, whenever it was superseded: we may have been killed right after the newer one was made. */
function supersede(observed: ObservedApplication, due: string | undefined): readonly ApplicationAction[] {
  const { builds } = observed;
  const older = due === undefined ? builds.slice(0, -1) : builds;
  const by = due ?? builds.at(-1)?.metadata.name ?? '';
  return older
    .filter((build) => !buildHasEnded(build) && build.metadata.annotations[cancelAnnotation] === undefined)
    .map((build) => ({ do: 'cancelBuild', name: build.metadata.name, reason: `${by} takes its place` }));
}

/** A revision is due for a build that succeeded, and again when the way it runs changed. Not while a newer build is on its way. */
function planRevision(
  observed: ObservedApplication,
  buildIsDue: boolean,
): Extract<ApplicationAction, { do: 'createRevision' }> | undefined {
  const { application, builds, revisions } = observed;
  const last = builds.at(-1);
  if (buildIsDue || last === undefined || !buildHasEnded(last)) return undefined;
  const build = builds.findLast((candidate) => candidate.status.phase === 'Succeeded');
  if (build === undefined) return undefined;
  const newest = revisions.at(-1);
  const ofBuild = newest?.spec.build === build.metadata.name;
  const number =
    ofBuild || taken(revisions, build.spec.number) ? nextNumber(builds, revisions) : build.spec.number;
  const spec = revisionSpec(build, application.spec, number);
  if (spec === undefined) return undefined;
  if (ofBuild && isDeepStrictEqual({ ...newest.spec, number }, spec)) return undefined;
  return { do: 'createRevision', name: `${application.metadata.name}-${number}`, spec };
}

function taken(revisions: readonly Revision[], number: number): boolean {
  return revisions.some((revision) => revision.spec.number >= number);
}

/**
 * Traffic goes to the newest revision of which every replica answers. Until there is one, to whichever revision has it
 * now; and the very first time to any replica that answers. What has the traffic keeps exactly its ready replicas.
 */
function planRoute(observed: ObservedApplication): ApplicationAction | undefined {
  const { route } = observed.traffic;
  const alive = observed.revisions.filter((revision) => revision.metadata.deletionTimestamp === undefined);
  const ready = alive.findLast((revision) => {
    const newer = route === undefined || revision.spec.number >= numberOf(alive, route.revision);
    return newer && findCondition(revision.status.conditions, 'Ready')?.status === 'True';
  });
  const current = alive.find((revision) => revision.metadata.uid === route?.revision);
  const chosen = ready ?? current ?? alive.findLast((revision) => targetsOf(observed, revision).length > 0);
  if (chosen === undefined) return route === undefined ? undefined : { do: 'unroute' };
  const targets = targetsOf(observed, chosen);
  const unchanged = route?.revision === chosen.metadata.uid && isDeepStrictEqual(route.targets, targets);
  if (unchanged && observed.traffic.applied) return undefined;
  return { do: 'route', revision: chosen.metadata.uid, targets };
}

function numberOf(revisions: readonly Revision[], uid: string): number {
  return revisions.find((revision) => revision.metadata.uid === uid)?.spec.number ?? 0;
}

function targetsOf(observed: ObservedApplication, revision: Revision): readonly Target[] {
  return revision.status.replicas.flatMap((replica) => {
    const socket = replica.ready ? observed.socketOf(replica.workload) : undefined;
    return socket === undefined ? [] : [{ id: replica.workload, socket }];
  });
}
