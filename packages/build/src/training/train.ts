import { join } from 'node:path';
import type { Digest } from '@galley/api/digest';
import type { LogLine, Workload } from '@galley/engine/engine';
import { appendLayers } from '@galley/image/assemble/append-layers';
import type { Layer } from '@galley/image/descriptor';
import { readLines, readWire, textsOf } from '../workload/read-json.ts';
import { readOutput, type Output } from '../workload/read-output.ts';
import { runWorkload, type EndedWorkload } from '../workload/run-workload.ts';
import { stepId } from '../workload/step-id.ts';
import { stepLabels } from '../workload/leftovers.ts';
import { findCheckpoints, forgetCheckpoints, keepCheckpoints, type Checkpoints } from './checkpoints.ts';
import { keepTraining, trainingDiskBytes, type TrainOptions } from './keep-training.ts';
import { redactSecrets } from './find-secrets.ts';
import { tellProgress } from './progress.ts';
import { parseReportLine } from './report.ts';
import { findStages, keepStages, missedElsewhere, stageKeys } from './stages.ts';
import { trainingRecords, type Training } from './training.ts';
import { sampling } from './training-key.ts';

/**
 * Runs the notebooks and keeps what they leave: those that ran before need not run again, and a retry finds its checkpoints. Throws what
 * `explainRun` says, `OUTPUT_INVALID`, `SECRET_IN_MODEL`, and what the engine throws. The workload is gone afterwards, also when the
 * signal fired.
 */
export async function train(options: TrainOptions): Promise<Training> {
  const { context, key } = options;
  const keys = await stageKeys(options.tree, options.inputs, `${options.project}/${options.application}`);
  const known = await findStages(keys, context);
  const attempt = new Attempt(options, keys);
  const training = await attempt.run(known).catch(async (error: unknown) => {
    // A file that an earlier notebook left outside of the application's folder is not there: then all of them run.
    if (known.length === 0 || !attempt.missedFiles) throw error;
    return attempt.run([]);
  });
  await trainingRecords(context).set(key, training);
  await forgetCheckpoints(key, context.cacheDir);
  return training;
}

/** One training, which may be run a second time. */
class Attempt {
  /** The run ended because files were not there, or because what was laid for it could not be read. */
  missedFiles = false;
  readonly #options: TrainOptions;
  readonly #keys: readonly string[];

  constructor(options: TrainOptions, keys: readonly string[]) {
    this.#options = options;
    this.#keys = keys;
  }

  /** `known`: layers of notebooks that need not run. */
  async run(known: readonly Layer[]): Promise<Training> {
    const options = this.#options;
    const { context, object, key } = options;
    const checkpoints = await findCheckpoints(key, context);
    this.#tell(known.length, checkpoints);
    const laid = [...known, ...(checkpoints === undefined ? [] : [checkpoints.layer])];
    const image = laid.length === 0 ? options.image : await appendLayers(context.store, options.image, laid);
    const workload = trainingWorkload(options, image.digest, known.length);
    const onLine = (line: LogLine): void =>
      tellProgress({ ...line, text: redactSecrets(line.text, options.secrets.files) }, context.emit, object);
    return runWorkload(
      workload,
      { engine: context.engine, signal: context.signal, onLine },
      async (ended) => {
        const oomKills = (await context.engine.usage?.(workload.id).catch(() => undefined))?.oomKills ?? 0;
        const folder = join(options.workDir, 'training');
        const output = await readOutput(context.engine, workload.id, folder, { signal: context.signal });
        try {
          // Checkpoints hold what the attempt that wrote them had read.
          const reachedHosts = [
            ...new Set([...(checkpoints?.reachedHosts ?? []), ...ended.status.reachedHosts]),
          ];
          // What a notebook read from a host is in no key: then all of them run again.
          if (reachedHosts.length === 0) await keepStages(output, this.#keys, options);
          return await this.#keepModel(output, ended, { oomKills, reachedHosts });
        } finally {
          await output.dispose();
        }
      },
    );
  }

  async #keepModel(
    output: Output,
    ended: EndedWorkload,
    { oomKills, reachedHosts }: { readonly oomKills: number; readonly reachedHosts: readonly string[] },
  ): Promise<Training> {
    const { key } = this.#options;
    try {
      return { ...(await keepTraining(this.#options, output, ended, oomKills)), reachedHosts };
    } catch (error) {
      const lines = await readLines(output, 'report.jsonl').catch(() => []);
      const result = await readWire(output, 'result.json', 'run-result').catch(() => undefined);
      this.missedFiles =
        ended.status.exitCode === 2 ||
        missedElsewhere(lines.map(parseReportLine), textsOf(result?.['missingFiles']));
      await keepCheckpoints(key, output, { ...this.#options, reachedHosts });
      throw error;
    }
  }

  #tell(known: number, checkpoints: Checkpoints | undefined): void {
    const { context, object, recipe } = this.#options;
    const total = recipe.notebooks.length;
    const about = { object, phase: 'training' };
    if (known > 0) {
      const reason = `they and everything that they read are those of an earlier run`;
      context.emit({ ...about, step: `${known} of ${total} notebooks`, state: 'skipped', reason });
    }
    if (checkpoints !== undefined) {
      const reason = `${checkpoints.files} files of an attempt that was ended`;
      context.emit({ ...about, step: 'checkpoints', state: 'done', reason });
    }
  }
}

function trainingWorkload(options: TrainOptions, image: Digest, knownStages: number): Workload {
  const { settings } = options;
  const { command, path, plan } = whatToRun(options, knownStages);
  return {
    id: stepId('train', options.project, options.application, options.key),
    project: options.project,
    image,
    command: ['/opt/galley/runtime/bin/galley-runtime', command, path],
    env: options.secrets.env,
    rootfs: 'writable',
    limits: {
      memoryBytes: settings.memoryBytes,
      cpus: settings.cpus,
      pids: 1024,
      openFiles: 4096,
      diskBytes: trainingDiskBytes,
    },
    files: { [path]: JSON.stringify(plan) },
    secrets: options.secrets.files,
    tmpfs: [],
    ports: [],
    egress: { index: false, hosts: settings.egressHosts },
    timeoutMs: settings.timeoutMs,
    labels: stepLabels('training', options.project, options.application),
  };
}

/** A run of notebooks, or the loading of a saved model: both leave the same files (wire.md, run and adopt). */
function whatToRun(
  { recipe, settings }: TrainOptions,
  knownStages: number,
): { readonly command: string; readonly path: string; readonly plan: object } {
  const sample = { sampleRows: sampling.rows, seed: sampling.seed };
  if (recipe.model !== undefined) {
    const { path: model, format, sample: rows = null } = recipe.model;
    const plan = { schema: 'galley.dev/adopt-plan/v1', model, format, sample: rows, ...sample };
    return { command: 'adopt', path: '/galley/in/adopt.json', plan };
  }
  const plan = {
    schema: 'galley.dev/run-plan/v1',
    notebooks: recipe.notebooks.map(({ path }) => path),
    cellTimeoutSeconds: settings.cellTimeoutMs / 1000,
    parameters: {},
    ...sample,
    ...(knownStages === 0 ? {} : { knownStages }),
  };
  return { command: 'run', path: '/galley/in/run.json', plan };
}
