import { GalleyError } from '@galley/api/error/galley-error';
import { oldestMinor } from '../base/host-interpreter.ts';
import type { SourceTree } from '../source/source-tree.ts';
import type { FileUse } from './configuration.ts';
import type { PythonSaid } from './declared.ts';

export interface PythonChoice {
  /** `3.11`. */
  readonly version: string;
  /** The file that said so, or `default`. */
  readonly from: string;
  /** Every version that would do, the chosen one first: another is taken when a pin has no wheel for it. One: it was fixed. */
  readonly candidates: readonly string[];
  /** The version that was asked for and has no base here, where `modernise` let it be replaced. */
  readonly instead?: string;
}

export interface PythonRequest {
  readonly asked: { readonly version: string; readonly from: string } | undefined;
  /** Where runtime.txt is looked for: `''`, `binder`, `.binder`. */
  readonly folder: string;
  /** What the file that decides on the environment, or the project, says. */
  readonly said: PythonSaid | undefined;
  /** What decides is conda's or pipenv's: runtime.txt is not heard (builders.md §2.2). */
  readonly ownPython: boolean;
  /** Versions for which there is a base, the default first. */
  readonly supported: readonly string[];
  /** Take the nearest Python when the one that is asked for has no base. */
  readonly modernise: boolean;
}

/**
 * The Python of a build: asked for, else what the repository's files say: the environment's own file where its tool decides, then
 * runtime.txt, .python-version, a range (`requires-python`); else the default. Throws `PYTHON_UNSUPPORTED`, `RECIPE_CONFLICT`.
 */
export async function choosePython(
  tree: SourceTree,
  request: PythonRequest,
): Promise<{ readonly python: PythonChoice; readonly files: readonly FileUse[] }> {
  const { supported, said } = request;
  const { found, files } = await fromFiles(tree, request);
  const fixed = request.asked ?? found;
  if (request.asked === undefined) refuseConflict(found, said);
  if (fixed !== undefined) {
    const version = /^(3\.\d+)/.exec(fixed.version)?.[1] ?? fixed.version;
    if (supported.includes(version))
      return { python: { version, from: fixed.from, candidates: [version] }, files };
    const nearest = request.modernise ? nearestPython(version, supported) : undefined;
    if (nearest === undefined)
      throw unsupported(`Python ${fixed.version}, which ${fixed.from} asks for,`, version, supported);
    return { python: { version: nearest, from: fixed.from, candidates: [nearest], instead: version }, files };
  }
  const { range } = said ?? {};
  if (said !== undefined && range !== undefined) {
    const candidates = supported.filter((candidate) => satisfies(candidate, range));
    const [version] = candidates;
    if (version === undefined)
      throw unsupported(`Python ${range}, which ${said.from} asks for,`, undefined, supported);
    return { python: { version, from: said.from, candidates }, files };
  }
  return { python: { version: supported[0] ?? '', from: 'default', candidates: supported }, files };
}

interface FoundPython {
  readonly found: { readonly version: string; readonly from: string } | undefined;
  readonly files: readonly FileUse[];
}

async function fromFiles(tree: SourceTree, request: PythonRequest): Promise<FoundPython> {
  const files: FileUse[] = [];
  let found: FoundPython['found'];
  const { said, folder } = request;
  if (request.ownPython && said?.version !== undefined) found = { version: said.version, from: said.from };
  for (const [path, pattern] of [
    [folder === '' ? 'runtime.txt' : `${folder}/runtime.txt`, /^\s*python-(\d+\.\d+)/],
    ['.python-version', /^\s*(?:python-|cpython-)?(\d+\.\d+)/m],
  ] as const) {
    const file = tree.find(path);
    if (file === undefined) continue;
    const text = (await tree.read(file, 4096)).toString('utf8');
    refuseOtherLanguage(path, text);
    const version = pattern.exec(text)?.[1];
    if (version === undefined) continue;
    if (request.ownPython || found !== undefined) {
      files.push({
        path,
        use: 'passed over',
        why: `${found?.from ?? said?.from ?? 'the environment'} says which Python`,
      });
    } else {
      found = { version, from: path };
      files.push({ path, use: 'decides', why: `Python ${version}` });
    }
  }
  if (found === undefined && said?.version !== undefined) found = { version: said.version, from: said.from };
  return { found, files };
}

function refuseOtherLanguage(path: string, text: string): void {
  if (!/^\s*(?:r-|\w+-\d{4}-\d{2}-\d{2})/.test(text) || /^\s*python-/.test(text)) return;
  throw new GalleyError(
    'RECIPE_UNSUPPORTED',
    `${path} asks for ${text.trim().split('\n')[0]}: only Python has a base here.`,
    {
      hint: 'Write python-3.11 into it, or remove it.',
      details: { file: path },
    },
  );
}

/** A project that excludes the Python of runtime.txt would not install in it: repo2docker refuses too (builders.md §2.2). */
function refuseConflict(found: FoundPython['found'], said: PythonSaid | undefined): void {
  if (found === undefined || said?.range === undefined || found.from === said.from) return;
  const version = /^3\.\d+/.exec(found.version)?.[0];
  if (version === undefined || satisfies(version, said.range)) return;
  throw new GalleyError(
    'RECIPE_CONFLICT',
    `${found.from} asks for Python ${found.version}, which ${said.from} excludes (${said.range}).`,
    { hint: `Correct one of them.`, details: { files: [found.from, said.from] } },
  );
}

/** The next newer one that there is, else the newest. */
function nearestPython(version: string, supported: readonly string[]): string | undefined {
  const minor = (text: string): number => (text.startsWith('3.') ? Number(text.slice(2)) : -1);
  const inOrder = [...supported].sort((a, b) => minor(a) - minor(b));
  return inOrder.find((candidate) => minor(candidate) > minor(version)) ?? inOrder.at(-1);
}

/** Whether a minor version satisfies a PEP 440 range, by its first two numbers: `3.11` satisfies `>=3.9,<4`. */
export function satisfies(version: string, range: string): boolean {
  const have = Number(version.split('.')[1]);
  return range.split(',').every((clause) => {
    const match = /^\s*(>=|<=|==|!=|~=|>|<)\s*(\d+)(?:\.(\d+))?(\.[\d*]+)?\s*$/.exec(clause);
    if (match === null) return true; // what we cannot read we leave to the resolver
    const [, operator, major, minor, patch] = match;
    const order = Math.sign(3 - Number(major)) || Math.sign(have - Number(minor ?? 0));
    const anyMinor = minor === undefined && Number(major) === 3;
    if (operator === '>=') return order >= 0;
    if (operator === '~=') return order >= 0 && Number(major) === 3 && (patch === undefined || order === 0);
    if (operator === '>') return order > 0 || (order === 0 && patch !== undefined);
    if (operator === '<=') return order <= 0;
    if (operator === '<') return order < 0 || (order === 0 && patch !== undefined && patch !== '.0');
    if (operator === '==') return order === 0 || anyMinor;
    return order !== 0 || (patch !== undefined && patch !== '.*');
  });
}

/** `version`: the one that was asked for, if it was one. */
function unsupported(what: string, version: string | undefined, supported: readonly string[]): GalleyError {
  const minor = Number(/^3\.(\d+)$/.exec(version ?? '')?.[1]);
  const isOld = minor < oldestMinor;
  const why = isOld
    ? `is too old: what Galley puts into every image runs on Python 3.${oldestMinor} and newer`
    : 'has no base image here';
  const instead = `Ask for one of ${supported.join(', ')} in galley.yaml: build: {python: "${supported[0]}"}; galley build --modernise takes the nearest.`;
  const own =
    isOld || Number.isNaN(minor)
      ? ''
      : ` Or install it: pyenv install ${version}, uv python install ${version}.`;
  return new GalleyError('PYTHON_UNSUPPORTED', `${what} ${why}.`, {
    hint: `${instead}${own}`,
    details: { supported },
  });
}
