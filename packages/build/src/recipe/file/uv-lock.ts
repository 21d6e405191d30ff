import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import { findPython, findUv } from '../../command/host-programs.ts';
import { runUv } from '../../lock/uv.ts';
import { redactUrl } from '../../source/git/address.ts';
import type { SourceTree } from '../../source/source-tree.ts';
import { nothingDeclared, type Declared, type IndexUse } from '../declared.ts';
import { normalName } from '@galley/image/wheel/metadata';
import { type Requirement } from '../requirement.ts';
import { isTable, readToml, tableAt, textOf, textsOf, type Table } from './pyproject.ts';
import { parseRequirementsTxt } from './requirements-txt.ts';

/**
 * What `uv sync` installs, as uv itself exports it: pins, hashes and markers of uv.lock, the project and its workspace where uv would
 * install them. The default groups are for the notebook only. uv reads two files in a private folder and neither network nor
 * packages. Throws `LOCK_OUT_OF_DATE`, `REQUIREMENTS_INVALID`, `HOST_PROGRAM_MISSING`.
 */
export async function readUvLock(tree: SourceTree, path: string, signal?: AbortSignal): Promise<Declared> {
  const document = await readToml(tree, 'pyproject.toml');
  const lock = await readToml(tree, path);
  if (document === undefined || lock === undefined) {
    throw new GalleyError(
      'REQUIREMENTS_INVALID',
      `${path} lies there without the pyproject.toml that it locks.`,
      {
        hint: 'Commit both, or neither.',
        details: { from: path },
      },
    );
  }
  checkFreshness(document, lock, path);
  const served = await exported(tree, path, ['--no-default-groups'], signal);
  const all = await exported(tree, path, [], signal);
  const key = ({ line }: Requirement): string => line;
  const known = new Set(served.requirements.map(key));
  const python = textOf(tableAt(document, 'project')['requires-python']) ?? textOf(lock['requires-python']);
  return {
    ...nothingDeclared,
    requirements: served.requirements,
    running: all.requirements.filter((requirement) => !known.has(key(requirement))),
    indexes: indexesOf(document),
    ...(python === undefined ? {} : { python: { range: python, from: 'pyproject.toml' } }),
  };
}

async function exported(
  tree: SourceTree,
  path: string,
  flags: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Declared> {
  const folder = await mkdtemp(join(tmpdir(), 'galley-uv-'));
  try {
    // Nothing else of the repository: uv must find no .venv, no uv.toml and no .python-version to act upon.
    await mkdir(join(folder, 'project'));
    for (const name of ['pyproject.toml', path]) {
      const file = tree.find(name);
      if (file !== undefined) await writeFile(join(folder, 'project', name), await tree.read(file));
    }
    const python = await findPython();
    const args = [
      'export',
      '--frozen',
      '--offline',
      '--no-config',
      '--no-header',
      '--no-annotate',
      '--no-python-downloads',
    ];
    const result = await runUv(
      await findUv(),
      [...args, ...(python === undefined ? [] : [`--python=${python}`]), ...flags],
      { cwd: join(folder, 'project'), cacheDir: join(folder, 'cache'), env: {}, signal },
    );
    if (result.exitCode === 0) return await parseRequirementsTxt(result.stdout.toString('utf8'), path, tree);
    throw new GalleyError('REQUIREMENTS_INVALID', `uv cannot read ${path}.`, {
      hint: 'Run uv lock with a present uv and commit uv.lock.',
      details: { from: path },
      cause: new Error(result.stderr.trim().slice(-2000)),
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Holds what the lock was made from against pyproject.toml. `uv lock --check` would do it, but runs the build of a project with
 * computed metadata, and depends on the index that is configured.
 */
function checkFreshness(document: Table, lock: Table, path: string): void {
  const name = normalName(textOf(tableAt(document, 'project')['name']) ?? '');
  const packages = (Array.isArray(lock['package']) ? lock['package'] : []).filter(isTable);
  const root = packages.find((item) => normalName(String(item['name'])) === name);
  const requires = tableAt(root, 'metadata')['requires-dist'];
  const locked = new Set(
    (Array.isArray(requires) ? requires : []).filter(isTable).map((item) => normalName(String(item['name']))),
  );
  const asked = textsOf(tableAt(document, 'project')['dependencies']).map((line) =>
    normalName(/^[A-Za-z0-9._-]+/.exec(line)?.[0] ?? ''),
  );
  const missing = asked.find((dependency) => !locked.has(dependency));
  if (missing === undefined || root === undefined) return;
  throw new GalleyError(
    'LOCK_OUT_OF_DATE',
    `${path} does not hold ${missing}, which pyproject.toml asks for.`,
    {
      hint: 'Run uv lock and commit uv.lock.',
      details: { lock: path, package: missing, from: 'pyproject.toml' },
    },
  );
}

/** Indexes that the project names for uv. */
function indexesOf(document: Table): readonly IndexUse[] {
  const uv = tableAt(document, 'tool', 'uv');
  const named = (Array.isArray(uv['index']) ? uv['index'] : [])
    .filter(isTable)
    .map((item) => textOf(item['url']));
  const plain = [textOf(uv['index-url']), ...textsOf(uv['extra-index-url'])];
  return [...named, ...plain].flatMap((url) =>
    url === undefined ? [] : [{ url: redactUrl(url), kind: 'index', from: 'pyproject.toml' } as const],
  );
}
