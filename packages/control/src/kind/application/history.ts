import { buildHasEnded } from '../build/phase.ts';
import type { ObservedApplication } from './observe.ts';
import type { ApplicationAction } from './plan.ts';

/** Kept besides what serves and what is newest: as many as OpenShift keeps deployments by default. */
const revisionsKept = 10;
const buildsKept = 20;

/** Old revisions and builds that go: a history without end would fill the disk and every list. */
export function retired(observed: ObservedApplication): readonly ApplicationAction[] {
  const { builds, revisions, traffic } = observed;
  const oldRevisions = revisions
    .slice(0, -revisionsKept)
    .filter((revision) => revision.metadata.uid !== traffic.route?.revision);
  const inUse = new Set(revisions.map((revision) => revision.spec.build));
  const oldBuilds = builds
    .slice(0, -buildsKept)
    .filter((build) => buildHasEnded(build) && !inUse.has(build.metadata.name));
  return [...oldRevisions, ...oldBuilds]
    .filter((object) => object.metadata.deletionTimestamp === undefined)
    .map((object) => ({ do: 'deleteObject', kind: object.kind, name: object.metadata.name }));
}
