import { copyFile, mkdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '@galley/api/digest';
import type { LogLine, Workload } from '@galley/engine/engine';
import type { Layer } from '@galley/image/descriptor';
import { buildLayer } from '@galley/image/layer/build-layer';
import type { BuildContext } from '../build.ts';
import { RecordCache } from '../cache/record-cache.ts';
import { modelEntries, modelPath } from '../layers/model-layer.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { IgnoreRule, SourceTree } from '../source/source-tree.ts';
import type { BuildSettings } from '../plan/settings.ts';
import {
  isObject,
  readLines,
  readWire,
  requireWire,
  textOf,
  textsOf,
  type JsonObject,
} from '../workload/read-json.ts';
import { readOutput, type Output } from '../workload/read-output.ts';
import { runWorkload, type EndedWorkload } from '../workload/run-workload.ts';
import { stepId } from '../workload/step-id.ts';
import { stepLabels } from '../workload/leftovers.ts';
import { executedNotebook } from './executed-notebook.ts';
import { explainRun } from './explain-run.ts';
import type { WorkloadSecrets } from '../secret/secret-use.ts';
import { findSecrets, redactSecrets, redactValue } from './find-secrets.ts';
import { tellProgress } from './progress.ts';
import { parseReportLine, type ReportLine } from './report.ts';
import { sampling } from './training-key.ts';

/** What a training left, found again by its key. */
export interface Training {
  readonly layer: Layer;
  /** Blobs. */
  readonly report: Digest;
  readonly executedNotebook: Digest;
  readonly model: Digest;
  /** sample.json; null: the notebook has none. The rows lie beside the record, readable by the owner only. */
  readonly sampleInfo: JsonObject | null;
  readonly madeFiles: readonly string[];
  readonly warnings: readonly string[];
}

export interface TrainOptions {
  readonly context: BuildContext;
  readonly object: string;
  readonly application: string;
  readonly project: string;
  readonly workDir: string;
  readonly key: string;
  readonly image: Digest;
  readonly tree: SourceTree;
  readonly recipe: Recipe;
  readonly settings: BuildSettings;
  readonly secrets: WorkloadSecrets;
}

/** Of everything that a run writes: files, caches, outputs. */
const trainingDiskBytes = 16 * 1024 ** 3;

/** Where the rows of a training's sample lie: private, outside every image, gone with the cache (ADR 0040). */
export function samplePath(cacheDir: string, key: string): string {
  return join(cacheDir, 'samples', `${key}.jsonl`);
}

/** A training of this key, if everything that it left is still there. */
export async function findTraining(key: string, context: BuildContext): Promise<Training | undefined> {
  const training = await new RecordCache<Training>(context.cacheDir, 'trainings').get(key);
  if (training === undefined) return undefined;
  const blobs = [
    training.layer.descriptor.digest,
    training.report,
    training.executedNotebook,
    training.model,
  ];
  for (const digest of blobs) if (!(await context.store.has(digest))) return undefined;
  if (training.sampleInfo === null) return training;
  const sample = await stat(samplePath(context.cacheDir, key)).catch(() => undefined);
  return sample === undefined ? undefined : training;
}

/**
 * Runs the notebooks and keeps what they leave. Throws what `explainRun` says, `OUTPUT_INVALID`, `SECRET_IN_MODEL`, and what the engine
 * throws. The workload is gone afterwards, also when the signal fired.
 */
export async function train(options: TrainOptions): Promise<Training> {
  const { context, object } = options;
  const workload = trainingWorkload(options);
  const onLine = (line: LogLine): void =>
    tellProgress({ ...line, text: redactSecrets(line.text, options.secrets.files) }, context.emit, object);
  const training = await runWorkload(
    workload,
    { engine: context.engine, signal: context.signal, onLine },
    async (ended) => {
      const oomKills = (await context.engine.usage?.(workload.id).catch(() => undefined))?.oomKills ?? 0;
      const output = await readOutput(context.engine, workload.id, join(options.workDir, 'training'), {
        signal: context.signal,
      });
      try {
        return await keep(options, output, ended, oomKills);
      } finally {
        await output.dispose();
      }
    },
  );
  await new RecordCache<Training>(context.cacheDir, 'trainings').set(options.key, training);
  return training;
}

function trainingWorkload(options: TrainOptions): Workload {
  const { settings } = options;
  const plan = {
    schema: 'galley.dev/run-plan/v1',
    notebooks: options.recipe.notebooks.map(({ path }) => path),
    cellTimeoutSeconds: settings.cellTimeoutMs / 1000,
    parameters: {},
    sampleRows: sampling.rows,
    seed: sampling.seed,
  };
  return {
    id: stepId('train', options.project, options.application, options.key),
    project: options.project,
    image: options.image,
    command: ['/opt/galley/runtime/bin/galley-runtime', 'run', '/galley/in/run.json'],
    env: options.secrets.env,
    rootfs: 'writable',
    limits: {
      memoryBytes: settings.memoryBytes,
      cpus: settings.cpus,
      pids: 1024,
      openFiles: 4096,
      diskBytes: trainingDiskBytes,
    },
    files: { '/galley/in/run.json': JSON.stringify(plan) },
    secrets: options.secrets.files,
    tmpfs: [],
    ports: [],
    egress: { index: false, hosts: settings.egressHosts },
    timeoutMs: settings.timeoutMs,
    labels: stepLabels('training', options.project, options.application),
  };
}

async function keep(
  options: TrainOptions,
  output: Output,
  ended: EndedWorkload,
  oomKills: number,
): Promise<Training> {
  const { context } = options;
  const secrets = options.secrets.files;
  // What cells printed and what their exceptions say is shown to people: in the report, in errors, in the notebook.
  const raw = redactValue(await readLines(output, 'report.jsonl'), secrets);
  const lines = raw.map(parseReportLine);
  const blob = async (text: string): Promise<Digest> =>
    (await context.store.write(Buffer.from(text), { mediaType: 'application/json' })).digest;
  const report = await blob(JSON.stringify(raw));
  const executed = await executedNotebook(
    output,
    options.recipe.notebooks.map(({ path }) => path),
  );
  const executedDigest =
    executed === undefined
      ? undefined
      : await blob(JSON.stringify(redactValue(JSON.parse(executed), secrets)));
  const result = redactValue(await readWire(output, 'result.json', 'run-result'), secrets);
  if (
    ended.status.exitCode !== 0 ||
    textOf(result?.['outcome']) !== 'model' ||
    executedDigest === undefined
  ) {
    const records = { report, ...(executedDigest === undefined ? {} : { executedNotebook: executedDigest }) };
    throw await explain(options, ended, { lines, result, oomKills, records });
  }
  const model = await requireWire(output, 'model/model.json', 'model');
  const files = [...output.files.values()].filter(({ path }) => modelPath(path) !== undefined);
  await findSecrets(files, secrets, context.signal);
  const layer = await buildLayer(context.store, modelEntries(files), {
    createdBy: 'galley model',
    signal: context.signal,
  });
  return {
    layer,
    report,
    executedNotebook: executedDigest,
    model: await blob(JSON.stringify(model)),
    sampleInfo: await keepSample(options, output),
    madeFiles: textsOf(result?.['madeFiles']),
    warnings: [...textsOf(result?.['warnings']), ...lines.flatMap(({ warnings }) => warnings)],
  };
}

async function keepSample(options: TrainOptions, output: Output): Promise<JsonObject | null> {
  const info = await readWire(output, 'sample/sample.json', 'sample');
  const rows = output.files.get('sample/sample.jsonl');
  if (info === undefined || rows === undefined) return null;
  const path = samplePath(options.context.cacheDir, options.key);
  await mkdir(join(options.context.cacheDir, 'samples'), { recursive: true, mode: 0o700 });
  const temporary = join(options.workDir, 'sample');
  await copyFile(rows.file, temporary);
  await rename(temporary, path);
  return info;
}

async function explain(
  options: TrainOptions,
  ended: EndedWorkload,
  seen: {
    readonly lines: readonly ReportLine[];
    readonly result: JsonObject | undefined;
    readonly oomKills: number;
    readonly records: Readonly<Record<string, string>>;
  },
): Promise<Error> {
  const { result } = seen;
  const missingFiles = textsOf(result?.['missingFiles']);
  const ignored = new Map<string, IgnoreRule>();
  for (const path of missingFiles) {
    const rule = options.tree.find(path) === undefined ? await options.tree.ignoredBy(path) : undefined;
    if (rule !== undefined) ignored.set(path, rule);
  }
  const candidates = result?.['candidates'];
  return explainRun({
    application: options.application,
    status: ended.status,
    oomKills: seen.oomKills,
    lines: seen.lines,
    outcome: textOf(result?.['outcome']),
    message: textOf(result?.['message']),
    candidates: Array.isArray(candidates) ? candidates.filter(isObject) : [],
    refused: textsOf(result?.['refused']),
    allowedHosts: options.settings.egressHosts,
    missingFiles,
    ignored,
    memoryBytes: options.settings.memoryBytes,
    diskBytes: trainingDiskBytes,
    timeoutMs: options.settings.timeoutMs,
    cellTimeoutMs: options.settings.cellTimeoutMs,
    guessedRequirements: options.recipe.requirements.guessed,
    stderr: redactValue(ended.stderr, options.secrets.files),
    records: seen.records,
  });
}

/** Forgets a training, so that the next build trains again (`galley build --verify-training`, or a sample that has gone). */
export async function forgetTraining(key: string, cacheDir: string): Promise<void> {
  await new RecordCache<Training>(cacheDir, 'trainings').delete(key);
  await rm(samplePath(cacheDir, key), { force: true });
}
