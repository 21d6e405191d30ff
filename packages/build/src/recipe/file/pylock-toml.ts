import { posix } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import type { SourceTree } from '../../source/source-tree.ts';
import { nothingDeclared, type Declared } from '../declared.ts';
import { parseRequirement, type Requirement } from '../requirement.ts';
import { isTable, readToml, tableAt, textOf, textsOf, type Table } from './pyproject.ts';

/**
 * A pylock.toml (PEP 751): its pins and hashes, without its addresses, since a file with the right hash is the right one wherever this
 * machine's index has it. Packages that Galley marked as not served are for the notebook only. Throws `REQUIREMENTS_INVALID`.
 */
export async function readPylock(tree: SourceTree, path: string): Promise<Declared> {
  const lock = (await readToml(tree, path)) ?? {};
  const version = textOf(lock['lock-version']) ?? '';
  if (!version.startsWith('1.'))
    throw invalid(path, `has lock-version ${JSON.stringify(version)}, and only 1 is read`);
  const groups = new Set(textsOf(lock['default-groups']));
  const packages = (Array.isArray(lock['packages']) ? lock['packages'] : []).filter(isTable);
  const served: Requirement[] = [];
  const running: Requirement[] = [];
  for (const item of packages) {
    const requirement = requirementOf(item, path, groups);
    (tableAt(item, 'tool', 'galley')['serving'] === false ? running : served).push(requirement);
  }
  const python = textOf(lock['requires-python']);
  return {
    ...nothingDeclared,
    requirements: served,
    running,
    ...(python === undefined ? {} : { python: { range: python, from: path } }),
  };
}

function requirementOf(item: Table, path: string, groups: ReadonlySet<string>): Requirement {
  const name = textOf(item['name']) ?? '';
  const from = `${path}, ${name}`;
  const said = textOf(item['marker']);
  const marker = said === undefined ? '' : plainMarker(said, groups);
  const target = directTarget(item, from);
  if (target !== undefined)
    return parseRequirement(
      `${name} @ ${target}${marker === '' ? '' : ` ; ${marker}`}`,
      from,
      [],
      posix.dirname(path),
    );
  const version = textOf(item['version']);
  const files = [...(Array.isArray(item['wheels']) ? item['wheels'] : []), item['sdist']].filter(isTable);
  const hashes = files.flatMap((file) => textOf(tableAt(file, 'hashes')['sha256']) ?? []);
  if (name === '' || version === undefined || hashes.length === 0)
    throw invalid(from, 'has no version, or no file with a sha256');
  return parseRequirement(`${name}==${version}${marker === '' ? '' : `; ${marker}`}`, from, hashes);
}

function directTarget(item: Table, from: string): string | undefined {
  const directory = textOf(tableAt(item, 'directory')['path']);
  if (directory !== undefined)
    return /^\.{0,2}\//.test(directory) || directory === '.' ? directory : `./${directory}`;
  const vcs = tableAt(item, 'vcs');
  if (vcs['type'] !== undefined) {
    const [type, url, commit] = [vcs['type'], vcs['url'], vcs['commit-id']].map(textOf);
    if (type !== 'git' || url === undefined || commit === undefined)
      throw invalid(from, 'comes from no commit of a git repository');
    const folder = textOf(vcs['subdirectory']);
    return `git+${url}@${commit}${folder === undefined ? '' : `#subdirectory=${folder}`}`;
  }
  const archive = tableAt(item, 'archive');
  const sha256 = textOf(tableAt(archive, 'hashes')['sha256']);
  const place = textOf(archive['url']) ?? textOf(archive['path']);
  if (place === undefined) return undefined;
  if (sha256 === undefined) throw invalid(from, 'is an archive without a sha256');
  return /^https?:/.test(place) ? `${place}#sha256=${sha256}` : place.startsWith('.') ? place : `./${place}`;
}

/**
 * PEP 751 lets a marker ask for extras and groups, which are known here: none but the default groups. What is left is a marker that
 * every tool reads.
 */
export function plainMarker(marker: string, groups: ReadonlySet<string>): string {
  return marker.replace(
    /(['"])([^'"]*)\1\s+(not\s+)?in\s+(extras|dependency_groups)/g,
    (_, _quote, name: string, not: string | undefined, list: string) => {
      const holds = list === 'dependency_groups' && groups.has(name);
      return holds === (not === undefined) ? "python_version >= '3'" : "python_version < '3'";
    },
  );
}

function invalid(from: string, what: string): GalleyError {
  return new GalleyError('REQUIREMENTS_INVALID', `${from} ${what}.`, {
    hint: 'Write the lock again with the tool that made it, or with galley lock.',
    details: { from },
  });
}
