import { GalleyError } from '@galley/api/error/galley-error';
import type { SourceTree } from '../source/source-tree.ts';
import { environmentLines } from './file/s2i-environment.ts';
import { readPythonSources } from './read-cells.ts';

/** Which notebooks (or scripts) run, in order, and what said so. */
export interface NotebookChoice {
  readonly notebooks: readonly string[];
  /** `build.notebooks`, `.s2i/environment`, `the only notebook`. */
  readonly from: string;
}

/**
 * The notebooks of a source: those that were listed, else the list of an S2I repository (builders.md §1.7), else the only one
 * at the root, else the only one at all; where there is none, the only script that binds `predictor`. Where nothing is to run (`open`), all
 * notebooks count that there are. Undefined: there is neither. Throws `NO_NOTEBOOK` where one that was listed is not there, `SEVERAL_NOTEBOOKS`.
 */
export async function findNotebooks(
  tree: SourceTree,
  listed: readonly string[],
  { open = false, signal }: { readonly open?: boolean; readonly signal?: AbortSignal | undefined } = {},
): Promise<NotebookChoice | undefined> {
  const s2i = listed.length > 0 ? [] : await s2iNotebooks(tree);
  const named = listed.length > 0 ? listed : s2i;
  const all = tree.entries
    .map((entry) => entry.path)
    .filter((path) => path.endsWith('.ipynb') && !path.includes('.ipynb_checkpoints/'));
  if (named.length > 0) {
    const paths = named.map((path) => path.replace(/^\.\//, ''));
    const missing = paths.find((path) => tree.find(path) === undefined);
    if (missing !== undefined) throw noNotebook(`The source has no notebook ${missing}.`, all);
    return { notebooks: paths, from: listed.length > 0 ? 'build.notebooks' : '.s2i/environment' };
  }
  const atRoot = all.filter((path) => !path.includes('/'));
  const [only] = atRoot.length === 1 ? atRoot : all.length === 1 ? all : [];
  if (only !== undefined) return { notebooks: [only], from: 'the only notebook' };
  if (open && all.length > 0) return { notebooks: all, from: 'every notebook' };
  if (all.length > 0) throw several('notebooks', all);
  const scripts = await servingScripts(tree, signal);
  const [script] = scripts;
  if (open && scripts.length !== 1) return { notebooks: [], from: 'there is none' };
  if (script === undefined) return undefined;
  if (scripts.length > 1) throw several('scripts that bind predictor', scripts);
  return { notebooks: [script], from: 'the only script that binds predictor' };
}

/** Scripts outside of tests and packages are few; a data set of Python files is no repository of scripts. */
const scriptsMax = 200;

async function servingScripts(tree: SourceTree, signal: AbortSignal | undefined): Promise<readonly string[]> {
  const files = tree.entries
    .flatMap((entry) => (entry.kind === 'file' && /^[^/]+\.py$/.test(entry.path) ? [entry] : []))
    .slice(0, scriptsMax);
  if (files.length === 0) return [];
  const texts = await Promise.all(files.map(async (file) => (await tree.read(file)).toString('utf8')));
  const { sources } = await readPythonSources(texts, signal);
  return files.flatMap(({ path }, index) =>
    sources[index]?.binds?.includes('predictor') === true ? [path] : [],
  );
}

function several(what: string, all: readonly string[]): GalleyError {
  return new GalleyError(
    'SEVERAL_NOTEBOOKS',
    `The source holds ${all.length} ${what} and nothing says which run.`,
    {
      hint: `List them in galley.yaml in the order in which they run: build: {notebooks: [${all.slice(0, 5).join(', ')}]}`,
      details: { notebooks: all.slice(0, 100) },
    },
  );
}

async function s2iNotebooks(tree: SourceTree): Promise<readonly string[]> {
  const lines = await environmentLines(tree);
  const valueOf = (wanted: string): string => lines.findLast(({ name }) => name === wanted)?.value ?? '';
  const list = valueOf('S2I_SOURCE_NOTEBOOK_LIST') || valueOf('S2I_SOURCE_NOTEBOOK');
  return list
    .split(',')
    .map((path) => path.trim())
    .filter((path) => path !== '');
}

/** `all`: the notebooks that there are. */
export function noNotebook(message: string, all: readonly string[] = []): GalleyError {
  return new GalleyError('NO_NOTEBOOK', message, {
    hint:
      all.length === 0
        ? 'Build the folder that holds the notebook; a notebook that .gitignore keeps back needs --include. A script is served when it binds predictor at its top, a saved model (.joblib, .pkl, .onnx, …) as it is.'
        : `It has ${all.slice(0, 5).join(', ')}: correct build.notebooks in galley.yaml.`,
    details: { notebooks: all.slice(0, 100) },
  });
}
