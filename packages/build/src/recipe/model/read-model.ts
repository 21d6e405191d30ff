import { fileURLToPath } from 'node:url';
import { GalleyError } from '@galley/api/error/galley-error';
import { findPython } from '../../command/host-programs.ts';
import { hostEnvironment } from '../../command/host-environment.ts';
import { runCommand } from '../../command/run-command.ts';
import type { SourceTree } from '../../source/source-tree.ts';
import type { Read } from '../read-code.ts';
import { titles, type SavedModel } from './find-model.ts';

/** What a saved model says of what it takes to load it. */
export interface ModelNeeds {
  /** The modules that it names, as if a cell imported them. */
  readonly read: Read;
  /** Module → what to install for it, where that is more than its name says: `scikit-learn==1.5.2`. */
  readonly known: ReadonlyMap<string, string>;
  /** Why nobody can tell; then packages have to be written down. */
  readonly unclear?: string;
}

/** What `read_pickle.py` prints. */
interface Scan {
  readonly broken?: string;
  readonly unclear?: string;
  readonly modules: readonly string[];
  /** Classes and functions of a notebook or script, which are not in the file. */
  readonly main: readonly string[];
  readonly sklearn: string | null;
  /** It was fitted on a frame, and is called with one. */
  readonly frames: boolean;
}

const script = fileURLToPath(new URL('./read_pickle.py', import.meta.url));

/**
 * The packages that a model file needs, found without loading it. Throws `MODEL_FILE_INVALID` for a broken pickle, and for one whose class lies in a
 * notebook that nobody has.
 */
export async function readModel(
  tree: SourceTree,
  model: SavedModel,
  signal?: AbortSignal,
): Promise<ModelNeeds> {
  switch (model.format) {
    case 'pickle':
      return readPickle(model, await scan(tree, model, signal));
    case 'onnx':
      return needs(model, ['numpy', 'onnxruntime']);
    case 'lightgbm':
      return needs(model, ['lightgbm', 'numpy']);
    case 'xgboost':
      // What an estimator of scikit-learn's sort saved becomes one again: it answers with classes, not with probabilities.
      return needs(model, ['numpy', 'xgboost', ...(model.head.includes('scikit_learn') ? ['sklearn'] : [])]);
  }
}

function readPickle(model: SavedModel, found: Scan): ModelNeeds {
  if (found.broken !== undefined)
    throw invalid(
      model,
      `is no whole ${titles.pickle}: ${found.broken}`,
      'Look whether it was copied whole; save it again.',
    );
  const [name] = found.main;
  if (name !== undefined)
    throw invalid(
      model,
      `needs ${name}, which was defined in a notebook or script and is not in the file`,
      `Save it with cloudpickle.dump, or move ${name} into a module beside the file and save it again.`,
    );
  const estimators = found.modules.some((module) => /^(?:xgboost|lightgbm)\.sklearn$/.test(module));
  const modules = [
    ...found.modules.map((module) => module.split('.')[0] ?? ''),
    ...(estimators ? ['pandas', 'sklearn'] : []),
    ...(found.frames ? ['pandas'] : []),
  ];
  const known = new Map<string, string>();
  if (found.sklearn !== null) known.set('sklearn', `scikit-learn==${found.sklearn}`);
  // numpy 1 wrote it: what was compiled for numpy 1, as the scikit-learn of then, does not load beside numpy 2.
  const numpy = found.modules.filter((module) => module.startsWith('numpy.'));
  if (numpy.some((module) => module.startsWith('numpy.core')) && !numpy.some(isNumpy2))
    known.set('numpy', 'numpy<2');
  return {
    ...needs(model, modules, known),
    ...(found.unclear === undefined ? {} : { unclear: found.unclear }),
  };
}

const isNumpy2 = (module: string): boolean => module.startsWith('numpy._core');

function needs(
  { path }: SavedModel,
  modules: readonly string[],
  known: ReadonlyMap<string, string> = new Map(),
): ModelNeeds {
  const imports = [...new Set(modules)].sort();
  return {
    read: { from: path, text: '', source: { imports, installs: [] } },
    // The same module without the libraries of accelerators, which a service has none of: 300 MB less.
    known: new Map([['xgboost', 'xgboost-cpu'], ...known]),
  };
}

async function scan(tree: SourceTree, { path }: SavedModel, signal: AbortSignal | undefined): Promise<Scan> {
  const content = tree.find(path)?.content ?? Buffer.alloc(0);
  const spooled = Buffer.isBuffer(content) ? undefined : content.spooled;
  const python = (await findPython()) ?? 'python3';
  const result = await runCommand([python, '-I', '-B', script, ...(spooled === undefined ? [] : [spooled])], {
    env: hostEnvironment(),
    ...(Buffer.isBuffer(content) ? { input: content } : {}),
    signal,
    timeoutMs: 120_000,
    maxOutputBytes: 4 * 1024 * 1024,
  });
  if (result.exitCode !== 0)
    return {
      modules: [],
      main: [],
      sklearn: null,
      frames: false,
      unclear: 'it takes too long or too much memory to read',
    };
  // Written by our own script a moment ago.
  return JSON.parse(result.stdout.toString('utf8')) as Scan;
}

function invalid({ path }: SavedModel, what: string, hint: string): GalleyError {
  return new GalleyError('MODEL_FILE_INVALID', `${path} ${what}.`, { hint, details: { model: path } });
}

/** Nothing is declared beside a model that does not say what it needs. */
export function unclearNeeds({ path }: SavedModel, why: string): GalleyError {
  return new GalleyError(
    'MODEL_REQUIREMENTS_UNKNOWN',
    `${path} does not say which packages it needs: ${why}.`,
    {
      hint: 'Write them into requirements.txt beside it, with the versions that it was saved with.',
      details: { model: path },
    },
  );
}
