import type { Layer } from '@galley/image/descriptor';
import { buildLayer } from '@galley/image/layer/build-layer';
import type { BuildContext } from '../build.ts';
import { RecordCache, stepKey } from '../cache/record-cache.ts';
import { fileEntries } from '../layers/app-files.ts';
import { appFolder } from '../layers/code-layer.ts';
import type { WorkloadSecrets } from '../secret/secret-use.ts';
import { hashContent } from '../source/hash-content.ts';
import type { SourceEntry, SourceTree } from '../source/source-tree.ts';
import { readWire } from '../workload/read-json.ts';
import type { Output } from '../workload/read-output.ts';
import { holdsSecret } from './find-secrets.ts';
import type { ReportLine } from './report.ts';
import { trainingParts, type TrainingInputs } from './training-key.ts';

/** Where the runtime looks for what earlier notebooks left (wire.md, run). */
const stagesFolder = 'opt/galley/stages';

/**
 * A key for each notebook but the last: everything that decides what it and those before it leave. Later notebooks do not, so that a change
 * of the last runs only the last; every other file of the repository does, since any cell may read it.
 * A later notebook could all the same write into what earlier ones left, before it is kept: so only `owner`, project and application, finds it
 * again, and no stranger whose first notebooks are the same (ADR 0075).
 */
export async function stageKeys(
  tree: Pick<SourceTree, 'entries'>,
  inputs: TrainingInputs,
  owner: string,
): Promise<readonly string[]> {
  const { notebooks } = inputs;
  if (notebooks.length < 2) return [];
  const contents = new Map<string, string>();
  for (const entry of tree.entries) contents.set(entry.path, await contentOf(entry));
  return notebooks.slice(0, -1).map((_, position) => {
    const later = new Set(notebooks.slice(position + 1));
    const files = [...contents].filter(([path]) => !later.has(path));
    return stepKey({
      ...trainingParts(inputs),
      source: files,
      notebooks: notebooks.slice(0, position + 1),
      owner,
      stage: 1,
    });
  });
}

async function contentOf(entry: SourceEntry): Promise<string> {
  if (entry.kind === 'link') return `link ${entry.target}`;
  return `${entry.mode.toString(8)} ${await hashContent(entry.content)}`;
}

/** The layers of as many notebooks, from the first, as need not run again. */
export async function findStages(keys: readonly string[], context: BuildContext): Promise<readonly Layer[]> {
  const records = new RecordCache<Layer>(context.cacheDir, 'stages');
  const layers: Layer[] = [];
  for (const key of keys) {
    const layer = await records.get(key);
    if (layer === undefined || !(await context.store.has(layer.descriptor.digest))) break;
    layers.push(layer);
  }
  return layers;
}

/**
 * Keeps what notebooks left that have run in this run, also when a later one failed; not what holds a secret, since a cell may print one. Throws
 * `OUTPUT_INVALID`.
 */
export async function keepStages(
  output: Output,
  keys: readonly string[],
  options: {
    readonly context: BuildContext;
    readonly secrets: WorkloadSecrets;
  },
): Promise<void> {
  const { context, secrets } = options;
  const records = new RecordCache<Layer>(context.cacheDir, 'stages');
  for (const [position, key] of keys.entries()) {
    const prefix = `stages/${position}/`;
    const stage = await readWire(output, `${prefix}stage.json`, 'stage');
    if (stage?.['whole'] !== true) continue;
    const files = [...output.files.values()].filter(({ path }) => path.startsWith(prefix));
    if (await holdsSecret(files, secrets.files, context.signal)) continue;
    const made = `${prefix}files/`;
    const entries = fileEntries(files, (path) =>
      path.startsWith(made)
        ? `${appFolder}/${path.slice(made.length)}`
        : `${stagesFolder}/${path.slice('stages/'.length)}`,
    );
    const layer = await buildLayer(context.store, entries, {
      createdBy: 'galley stage',
      signal: context.signal,
    });
    await records.set(key, layer);
  }
}

/**
 * Whether a run ended because a file was not there that an earlier notebook may have left, had it run: one outside of the application's
 * folder. All that a notebook leaves inside is kept, so what is missing there (`missingInside`, as the run says) an earlier notebook does
 * not make, and running it again would only make the person wait for the same error.
 */
export function missedElsewhere(lines: readonly ReportLine[], missingInside: readonly string[]): boolean {
  const failed = lines.findLast((line) => line.error !== undefined);
  return failed?.error?.type === 'FileNotFoundError' && missingInside.length === 0;
}
