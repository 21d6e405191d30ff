import { GalleyError } from '@galley/api/error/galley-error';
import { parse as parseToml } from 'smol-toml';
import type { SourceTree } from '../source/source-tree.ts';

export interface PythonChoice {
  /** `3.11`. */
  readonly version: string;
  /** The file that said so, or `default`. */
  readonly from: string;
}

/**
 * The Python of a build: asked for, else what the repository's files say in this order: runtime.txt, .python-version,
 * `requires-python` of pyproject.toml; else the default. `supported` has the default first. Throws `PYTHON_UNSUPPORTED`.
 */
export async function choosePython(
  tree: SourceTree,
  asked: { readonly version: string; readonly from: string } | undefined,
  supported: readonly string[],
): Promise<PythonChoice> {
  const said = asked ?? (await fromFiles(tree));
  if (said !== undefined) {
    const version = /^(3\.\d+)/.exec(said.version)?.[1] ?? said.version;
    if (supported.includes(version)) return { version, from: said.from };
    throw unsupported(`Python ${said.version}, which ${said.from} asks for,`, supported);
  }
  const range = await requiresPython(tree);
  if (range !== undefined) {
    const version = supported.find((candidate) => satisfies(candidate, range));
    if (version === undefined)
      throw unsupported(`Python ${range}, which pyproject.toml asks for,`, supported);
    return { version, from: 'pyproject.toml' };
  }
  return { version: supported[0] ?? '', from: 'default' };
}

async function fromFiles(tree: SourceTree): Promise<{ version: string; from: string } | undefined> {
  for (const [path, pattern] of [
    ['runtime.txt', /^\s*python-(\d+\.\d+)/],
    ['.python-version', /^\s*(?:python-|cpython-)?(\d+\.\d+)/],
  ] as const) {
    const file = tree.find(path);
    if (file === undefined) continue;
    const version = pattern.exec((await tree.read(file, 4096)).toString('utf8'))?.[1];
    if (version !== undefined) return { version, from: path };
  }
  return undefined;
}

async function requiresPython(tree: SourceTree): Promise<string | undefined> {
  const project = (await readPyproject(tree))?.['project'];
  const value =
    typeof project === 'object' ? (project as Record<string, unknown>)['requires-python'] : undefined;
  return typeof value === 'string' && value.trim() !== '' ? value : undefined;
}

/** pyproject.toml at the root as plain data; undefined when there is none. Throws `REQUIREMENTS_INVALID` when it is not TOML. */
export async function readPyproject(tree: SourceTree): Promise<Record<string, unknown> | undefined> {
  const file = tree.find('pyproject.toml');
  if (file === undefined) return undefined;
  try {
    return parseToml((await tree.read(file, 1024 * 1024)).toString('utf8'));
  } catch (cause) {
    throw new GalleyError('REQUIREMENTS_INVALID', 'pyproject.toml cannot be read.', {
      hint: 'Correct it where the cause points to.',
      cause,
    });
  }
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

function unsupported(what: string, supported: readonly string[]): GalleyError {
  return new GalleyError('PYTHON_UNSUPPORTED', `${what} has no base image here.`, {
    hint: `Ask for one of ${supported.join(', ')} in galley.yaml: build: {python: "${supported[0]}"}.`,
    details: { supported },
  });
}
