import type { GalleyEvent } from '@galley/api/event';
import type { Build } from '@galley/api/kind/build';
import type { BuildEventStore } from '../../store/build-event-store.ts';
import type { BuildRunner, BuildTask } from './build-runner.ts';

/** Everything that a decision about a build needs. */
export interface ObservedBuild {
  readonly build: Build;
  /** What this process has of it. */
  readonly task: BuildTask | undefined;
  /** Builds that run in this process. */
  readonly running: number;
  /** One of them is of the same application. */
  readonly siblingRuns: boolean;
  /** Read only when it ended badly: what it said, to tell how far it came. */
  readonly events: readonly GalleyEvent[];
}

export function observeBuild(build: Build, runner: BuildRunner, events: BuildEventStore): ObservedBuild {
  const task = runner.task(build.metadata.uid);
  const failed = task?.state === 'failed';
  return {
    build,
    task,
    running: runner.running,
    siblingRuns: task?.state !== 'running' && runner.runsFor(applicationKey(build)),
    events: failed ? events.read(build.metadata.uid).map(({ event }) => event) : [],
  };
}

/** An application over all projects. */
export function applicationKey({ metadata, spec }: Build): string {
  return `${metadata.namespace}/${spec.application}`;
}
