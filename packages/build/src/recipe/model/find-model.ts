import { open } from 'node:fs/promises';
import { GalleyError } from '@galley/api/error/galley-error';
import type { SourceFile, SourceTree } from '../../source/source-tree.ts';
import { headBytes, isModel, modelEndings, namedFormat, type ModelFormat } from './model-format.ts';

/** The file of a repository that is served as it is. */
export interface SavedModel {
  readonly path: string;
  readonly format: ModelFormat;
  /** Its first bytes. */
  readonly head: Buffer;
  /** Rows for the references of the monitors, beside it. */
  readonly sample: string | undefined;
}

/** Names of the files with rows that are looked for beside a model, the first that is there. */
export const sampleNames = ['reference.jsonl', 'reference.csv', 'sample.jsonl', 'sample.csv'] as const;

/** What `build.model` names. Throws `MODEL_FILE_INVALID`. */
export async function namedModel(tree: SourceTree, named: string): Promise<SavedModel> {
  const path = named.replace(/^\.\//, '');
  const file = tree.find(path);
  if (file === undefined) throw invalid(path, 'is not in the source', 'Correct build.model in galley.yaml.');
  const known = namedFormat(path);
  if (known === undefined)
    throw invalid(
      path,
      'is of no sort that can be served',
      `Save it as one of these: ${modelEndings}; or bind predictor in a notebook or script.`,
    );
  return savedModel(tree, file, known.format);
}

/**
 * The only saved model at the root of a source, else the only one at all; undefined: there is none. Throws `AMBIGUOUS_MODEL` for several,
 * `MODEL_FILE_INVALID` where the only one holds something else than its name says.
 */
export async function findModel(tree: SourceTree): Promise<SavedModel | undefined> {
  const found: SourceFile[] = [];
  for (const entry of tree.entries) {
    if (entry.kind !== 'file') continue;
    const named = namedFormat(entry.path);
    // Text and JSON are looked into only where a person would lay a model: a data set may hold a hundred thousand of them.
    if (named === undefined || (named.common && entry.path.includes('/'))) continue;
    if (named.common && !isModel(entry.path, await headOf(entry))) continue;
    found.push(entry);
  }
  const atRoot = found.filter(({ path }) => !path.includes('/'));
  const choice = atRoot.length > 0 ? atRoot : found;
  const [only] = choice;
  if (only === undefined) return undefined;
  if (choice.length > 1) throw several(choice.map(({ path }) => path));
  const named = namedFormat(only.path);
  return named === undefined ? undefined : savedModel(tree, only, named.format);
}

async function savedModel(tree: SourceTree, file: SourceFile, format: ModelFormat): Promise<SavedModel> {
  const head = await headOf(file);
  checkModel(file.path, head);
  const folder = file.path.includes('/') ? file.path.slice(0, file.path.lastIndexOf('/') + 1) : '';
  const sample = sampleNames.map((name) => `${folder}${name}`).find((path) => tree.find(path) !== undefined);
  return { path: file.path, format, head, sample };
}

/** Holds a file's first bytes against its name. Throws `MODEL_FILE_INVALID`. */
export function checkModel(path: string, head: Buffer): void {
  const format = namedFormat(path)?.format;
  if (format !== undefined && !isModel(path, head))
    throw invalid(path, `is no ${titles[format]}`, hintOf(format));
}

/** What people call them. */
export const titles: Readonly<Record<ModelFormat, string>> = {
  pickle: 'pickle or file of joblib',
  onnx: 'ONNX model',
  xgboost: 'model that XGBoost saved',
  lightgbm: 'model that LightGBM saved',
};

function hintOf(format: ModelFormat): string {
  return format === 'xgboost'
    ? 'Save it again with save_model("model.ubj") of XGBoost 1.7 or later.'
    : format === 'lightgbm'
      ? 'Save it again with booster_.save_model("model.txt").'
      : 'Look whether it was copied whole, and not as a pointer or a web page; then save it again.';
}

/** The first bytes of a file, wherever it is kept. */
async function headOf({ content }: SourceFile): Promise<Buffer> {
  if (Buffer.isBuffer(content)) return content.subarray(0, headBytes);
  const handle = await open(content.spooled);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(headBytes), 0, headBytes, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

function several(paths: readonly string[]): GalleyError {
  return new GalleyError(
    'AMBIGUOUS_MODEL',
    `The source holds ${paths.length} saved models: ${paths.slice(0, 5).join(', ')}.`,
    {
      hint: `Say which is served in galley.yaml: build: {model: ${paths[0] ?? 'model.joblib'}}`,
      details: { models: paths.slice(0, 100) },
    },
  );
}

function invalid(path: string, what: string, hint: string): GalleyError {
  return new GalleyError('MODEL_FILE_INVALID', `${path} ${what}.`, { hint, details: { model: path } });
}
