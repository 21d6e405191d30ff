import { isObject, type JsonObject } from '@galley/api/json-object';
import { copyFile, mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '@galley/api/digest';
import type { Image } from '@galley/image/image';
import { buildLayer } from '@galley/image/layer/build-layer';
import type { BuildContext } from '../build.ts';
import { modelEntries, modelPath } from '../layers/model-layer.ts';
import type { BuildSettings } from '../plan/settings.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { WorkloadSecrets } from '../secret/secret-use.ts';
import { hashContent } from '../source/hash-content.ts';
import type { IgnoreRule, SourceTree } from '../source/source-tree.ts';
import { readLines, readWire, requireWire, textOf, textsOf } from '../workload/read-json.ts';
import type { Output } from '../workload/read-output.ts';
import type { EndedWorkload } from '../workload/run-workload.ts';
import { executedNotebook } from './executed-notebook.ts';
import { explainRun } from './explain-run.ts';
import { findSecrets, redactValue } from './find-secrets.ts';
import { parseReportLine, type ReportLine } from './report.ts';
import { samplePath, type Training } from './training.ts';
import type { TrainingInputs } from './training-key.ts';

export interface TrainOptions {
  readonly context: BuildContext;
  readonly object: string;
  readonly application: string;
  readonly project: string;
  readonly workDir: string;
  readonly key: string;
  /** What the key was made of. */
  readonly inputs: TrainingInputs;
  readonly image: Image;
  readonly tree: SourceTree;
  readonly recipe: Recipe;
  readonly settings: BuildSettings;
  readonly secrets: WorkloadSecrets;
}

/** Of everything that a run writes: files, caches, outputs. */
export const trainingDiskBytes = 16 * 1024 ** 3;

/**
 * Takes what a run left: report and executed notebook whatever happened, the model when there is one. Throws what `explainRun` says,
 * `OUTPUT_INVALID`, `SECRET_IN_MODEL`.
 */
export async function keepTraining(
  options: TrainOptions,
  output: Output,
  ended: EndedWorkload,
  oomKills: number,
): Promise<Omit<Training, 'reachedHosts'>> {
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
    ...(await keepSample(options, output)),
    madeFiles: textsOf(result?.['madeFiles']),
    warnings: [...textsOf(result?.['warnings']), ...lines.flatMap(({ warnings }) => warnings)],
  };
}

async function keepSample(
  options: TrainOptions,
  output: Output,
): Promise<Pick<Training, 'sampleInfo' | 'sampleSha256'>> {
  const info = await readWire(output, 'sample/sample.json', 'sample');
  const rows = output.files.get('sample/sample.jsonl');
  if (info === undefined || rows === undefined) return { sampleInfo: null, sampleSha256: undefined };
  const path = samplePath(options.context.cacheDir, options.key);
  await mkdir(join(options.context.cacheDir, 'samples'), { recursive: true, mode: 0o700 });
  const temporary = join(options.workDir, 'sample');
  await copyFile(rows.file, temporary);
  const sampleSha256 = await hashContent({ spooled: temporary });
  await rename(temporary, path);
  return { sampleInfo: info, sampleSha256 };
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
    model: options.recipe.model?.path,
    stderr: redactValue(ended.stderr, options.secrets.files),
    records: seen.records,
  });
}
