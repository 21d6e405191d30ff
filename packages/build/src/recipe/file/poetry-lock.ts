import { GalleyError } from '@galley/api/error/galley-error';
import { redactUrl } from '../../source/git/address.ts';
import type { SourceTree } from '../../source/source-tree.ts';
import { nothingDeclared, type Declared } from '../declared.ts';
import type { Project } from '../project.ts';
import { compareVersions } from '../../lock/version-order.ts';
import { normalName } from '@galley/image/wheel/metadata';
import { parseRequirement, type Requirement } from '../requirement.ts';
import { poetryDependencies } from './poetry-dependencies.ts';
import { isTable, readToml, tableAt, textOf, textsOf, type Table } from './pyproject.ts';

/**
 * What `poetry install` installs: the project's dependencies, and its groups that are not optional, in the versions and with the
 * hashes of poetry.lock. The lock restricts the resolver, which then follows markers and extras by the packages' own metadata: it
 * has no list of what belongs to which environment that could be read without poetry. Throws `LOCK_OUT_OF_DATE`, `REQUIREMENTS_INVALID`.
 */
export async function readPoetryLock(
  tree: SourceTree,
  path: string,
  project: {
    readonly document: Table | undefined;
    readonly root: Project | undefined;
    readonly declared: Declared;
  },
): Promise<Declared> {
  const lock = await readToml(tree, path);
  const packages = (Array.isArray(lock?.['package']) ? lock['package'] : []).filter(isTable);
  const pins = joinVersions(packages.flatMap((item) => pinOf(item, path)));
  const running = groupRequirements(project.document);
  const asked = [...(project.root?.dependencies ?? []), ...running];
  const locked = new Set(packages.map((item) => normalName(String(item['name']))));
  const missing = asked.find(({ name, direct }) => direct === undefined && !locked.has(name));
  if (missing !== undefined) {
    throw new GalleyError(
      'LOCK_OUT_OF_DATE',
      `${path} does not hold ${missing.name}, which ${missing.from} asks for.`,
      {
        hint: 'Run poetry lock and commit poetry.lock.',
        details: { lock: path, package: missing.name, from: missing.from },
      },
    );
  }
  return {
    ...nothingDeclared,
    ...project.declared,
    running,
    constraints: pins,
    indexes: packages.flatMap((item) => sourceIndex(item, path)),
  };
}

/** A package of the lock as a pin with its hashes. What comes from git, a URL or a path is asked for by the project itself. */
function pinOf(item: Table, path: string): readonly Requirement[] {
  const name = String(item['name']);
  const type = textOf(tableAt(item, 'source')['type']);
  if (type !== undefined && type !== 'legacy') return [];
  const markers = item['markers'];
  // Lock 2.1 has one marker, or one for each group; before, several versions of a package cannot be told apart by the lock.
  // Extras that nobody asked for do not come in at all; what comes in by another way still has its version from here.
  const marker = typeof markers === 'string' && !/\bextra\b/.test(markers) ? `; ${markers}` : '';
  const hashes = (Array.isArray(item['files']) ? item['files'] : [])
    .filter(isTable)
    .flatMap((file) => /^sha256:([0-9a-f]{64})$/.exec(String(file['hash']))?.[1] ?? []);
  return [parseRequirement(`${name}==${String(item['version'])}${marker}`, path, hashes)];
}

/** Several versions of one package without markers: the resolver chooses between them, and the hashes hold it to the lock's. */
function joinVersions(pins: readonly Requirement[]): readonly Requirement[] {
  const byName = Map.groupBy(pins, ({ name }) => name);
  return [...byName.values()].flatMap((same) => {
    const [first] = same;
    if (first === undefined || same.length === 1 || same.every(({ line }) => line.includes(';'))) return same;
    const versions = same.flatMap(({ line }) => /==([^;\s]+)/.exec(line)?.[1] ?? []).sort(compareVersions);
    const line = `${first.name}>=${versions[0]},<=${versions.at(-1)}`;
    return [{ ...first, line, hashes: same.flatMap(({ hashes }) => hashes) }];
  });
}

function sourceIndex(item: Table, path: string): Declared['indexes'] {
  const source = tableAt(item, 'source');
  const url = textOf(source['url']);
  return source['type'] === 'legacy' && url !== undefined
    ? [{ url: redactUrl(url), kind: 'index', from: `${path}, ${String(item['name'])}` }]
    : [];
}

/** Groups that `poetry install` takes unasked: poetry's own that are not optional, and `dependency-groups`. */
function groupRequirements(document: Table | undefined): readonly Requirement[] {
  const poetry = tableAt(document, 'tool', 'poetry');
  const own = Object.entries(tableAt(poetry, 'group')).flatMap(([name, group]) =>
    isTable(group) && group['optional'] !== true
      ? poetryDependencies(group['dependencies'], `pyproject.toml, group ${name}`)
      : [],
  );
  const legacy = poetryDependencies(poetry['dev-dependencies'], 'pyproject.toml');
  const groups = tableAt(document, 'dependency-groups');
  const standard = Object.entries(groups).flatMap(([name, lines]) =>
    tableAt(poetry, 'group', name)['optional'] === true
      ? []
      : textsOf(lines).map((line) => parseRequirement(line, `pyproject.toml, group ${name}`)),
  );
  return [...own, ...legacy, ...standard];
}
