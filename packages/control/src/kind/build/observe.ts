import type { GalleyEvent } from '@galley/api/event';
import { imageNameOf, type Build } from '@galley/api/kind/build';
import type { BuildEventStore } from '../../store/build-event-store.ts';
import type { ObjectStore } from '../../store/object-store.ts';
import type { BuildRunner, BuildTask } from './build-runner.ts';
import { buildHasEnded } from './phase.ts';

/** Where builds are looked at. */
export interface BuildSources {
  readonly runner: BuildRunner;
  readonly events: BuildEventStore;
  readonly objects: ObjectStore;
}

/** Everything that a decision about a build needs. */
export interface ObservedBuild {
  readonly build: Build;
  /** What this process has of it. */
  readonly task: BuildTask | undefined;
  /** Builds that run in this process. */
  readonly running: number;
  /** One of them has the same workloads. */
  readonly siblingRuns: boolean;
  /** Read only when it ended badly: what it said, to tell how far it came. */
  readonly events: readonly GalleyEvent[];
  /** Builds of their own that ended, newest first; read only for one that may begin. */
  readonly endedOwn: readonly string[];
}

export async function observeBuild(
  build: Build,
  { runner, events, objects }: BuildSources,
): Promise<ObservedBuild> {
  const task = runner.task(build.metadata.uid);
  const failed = task?.state === 'failed';
  return {
    build,
    task,
    running: runner.running,
    siblingRuns: task?.state !== 'running' && runner.runsFor(workKey(build)),
    events: failed ? events.read(build.metadata.uid).map(({ event }) => event) : [],
    endedOwn: task === undefined && isOwnBuild(build) ? await endedOwnBuilds(build, objects) : [],
  };
}

/** No application asked for it, and none looks after it. */
function isOwnBuild({ spec }: Build): boolean {
  return spec.application === undefined;
}

async function endedOwnBuilds({ metadata }: Build, objects: ObjectStore): Promise<readonly string[]> {
  const { items } = await objects.list('Build', { namespace: metadata.namespace });
  const ended = items.filter((build) => isOwnBuild(build) && buildHasEnded(build));
  return ended
    .sort((a, b) => b.metadata.creationTimestamp.localeCompare(a.metadata.creationTimestamp))
    .map((build) => build.metadata.name);
}

/** Builds of one key do the same steps in the same workloads: those of an application, and those of their own under its name. */
export function workKey(build: Build): string {
  return `${build.metadata.namespace}/${imageNameOf(build)}`;
}
