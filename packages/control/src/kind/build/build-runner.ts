import { GalleyError } from '@galley/api/error/galley-error';
import type { GalleyEvent } from '@galley/api/event';
import type { BuildContext, BuildOptions, BuildResult, SourceSpec } from '@galley/build/build';

/** Turns a repository into an image: `buildRepository` of the room `build`, given by the composition root. */
export type RunBuild = (
  source: SourceSpec,
  options: BuildOptions,
  context: BuildContext,
) => Promise<BuildResult>;

/** What a build starts from; failing to find it is a failure of the build. */
export interface BuildInputs {
  readonly source: SourceSpec;
  readonly options: BuildOptions;
}

/** How a build ended. */
export type BuildOutcome =
  | { readonly state: 'succeeded'; readonly result: BuildResult }
  | { readonly state: 'failed'; readonly error: GalleyError };

/** What the runner has of a build in this process. */
export type BuildTask = { readonly state: 'running' } | BuildOutcome;

interface Entry {
  /** Builds of one key do the same steps in the same workloads. */
  readonly work: string;
  readonly abort: AbortController;
  readonly done: Promise<void>;
  task: BuildTask;
}

export interface BuildRunnerOptions {
  readonly runBuild: RunBuild;
  readonly context: Omit<BuildContext, 'emit' | 'signal'>;
  /** Told when a build of this process has ended. */
  readonly onEnd: (buildUid: string) => void;
}

/** The builds that run in this process, by the uid of their object. What is not here does not run. */
export class BuildRunner {
  private readonly options: BuildRunnerOptions;
  private readonly entries = new Map<string, Entry>();

  constructor(options: BuildRunnerOptions) {
    this.options = options;
  }

  task(uid: string): BuildTask | undefined {
    return this.entries.get(uid)?.task;
  }

  get running(): number {
    return [...this.entries.values()].filter((entry) => entry.task.state === 'running').length;
  }

  /** Whether a build with this key (`project/name`) runs. */
  runsFor(work: string): boolean {
    return [...this.entries.values()].some((entry) => entry.work === work && entry.task.state === 'running');
  }

  /** Starts it unless it is here already. */
  start(uid: string, work: string, inputs: Promise<BuildInputs>, emit: (event: GalleyEvent) => void): void {
    if (this.entries.has(uid)) return;
    const abort = new AbortController();
    const { runBuild, context } = this.options;
    const run = inputs.then(({ source, options }) =>
      runBuild(source, options, {
        ...context,
        signal: abort.signal,
        emit: (event) => emit({ time: new Date(context.now()).toISOString(), ...event }),
      }),
    );
    const done = run.then(
      (result) => this.settle(uid, { state: 'succeeded', result }),
      (error: unknown) => this.settle(uid, { state: 'failed', error: asGalleyError(error) }),
    );
    const entry: Entry = { work, abort, task: { state: 'running' }, done };
    this.entries.set(uid, entry);
  }

  /** Asks it to stop; it ends as failed when it has. */
  cancel(uid: string): void {
    this.entries.get(uid)?.abort.abort();
  }

  /** The outcome is on disk: forget it. */
  forget(uid: string): void {
    if (this.entries.get(uid)?.task.state !== 'running') this.entries.delete(uid);
  }

  /** Stops every build and waits. Their objects stay `Running`: the next start runs them again. */
  async close(): Promise<void> {
    for (const entry of this.entries.values()) entry.abort.abort();
    await Promise.allSettled([...this.entries.values()].map((entry) => entry.done));
  }

  private settle(uid: string, outcome: BuildOutcome): void {
    const entry = this.entries.get(uid);
    if (entry !== undefined) entry.task = outcome;
    this.options.onEnd(uid);
  }
}

function asGalleyError(error: unknown): GalleyError {
  if (error instanceof GalleyError) return error;
  return new GalleyError('INTERNAL', 'The build broke off for a reason that Galley does not know.', {
    hint: 'Report it with the events of the build: galley logs build/NAME',
    cause: error,
  });
}
