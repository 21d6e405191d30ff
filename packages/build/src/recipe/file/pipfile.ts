import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import { canonicalJson } from '@galley/image/canonical-json';
import { redactUrl } from '../../source/git/address.ts';
import type { SourceTree } from '../../source/source-tree.ts';
import { nothingDeclared, type Declared, type IndexUse, type PythonSaid } from '../declared.ts';
import { parseRequirement, type Requirement } from '../requirement.ts';
import { isTable, readToml, tableAt, textOf, textsOf, type Table } from './pyproject.ts';

/**
 * Pipfile.lock when it is there, as `pipenv install --ignore-pipfile`; else Pipfile, as `--skip-lock`. Development packages are for the
 * notebook only (builders.md §2.2). Throws `REQUIREMENTS_INVALID`.
 */
export async function readPipfile(tree: SourceTree, path: string): Promise<Declared> {
  return path.endsWith('.lock') ? readPipfileLock(tree, path) : readPlainPipfile(tree, path);
}

async function readPlainPipfile(tree: SourceTree, path: string): Promise<Declared> {
  const document = (await readToml(tree, path)) ?? {};
  const read = (key: string): readonly Requirement[] =>
    Object.entries(tableAt(document, key)).map(([name, value]) => requirementOf(name, value, path));
  return {
    ...nothingDeclared,
    requirements: read('packages'),
    running: read('dev-packages'),
    prerelease: tableAt(document, 'pipenv')['allow_prereleases'] === true,
    indexes: indexesOf(document['source'], path),
    ...pythonOf(tableAt(document, 'requires'), path),
  };
}

async function readPipfileLock(tree: SourceTree, path: string): Promise<Declared> {
  const lock = parseJson(path, (await readBytes(tree, path)).toString('utf8'));
  const meta = tableAt(lock, '_meta');
  const read = (key: string): readonly Requirement[] =>
    Object.entries(tableAt(lock, key)).map(([name, value]) => requirementOf(name, value, path));
  const served = read('default');
  const known = new Set(served.map(({ name }) => name));
  return {
    ...nothingDeclared,
    requirements: served,
    running: read('develop').filter(({ name }) => !known.has(name)),
    indexes: indexesOf(meta['sources'], path),
    ...pythonOf(tableAt(meta, 'requires'), path),
    warnings: await freshness(tree, path, textOf(tableAt(meta, 'hash')['sha256'])),
  };
}

function parseJson(path: string, text: string): Table {
  try {
    const value: unknown = JSON.parse(text);
    if (isTable(value)) return value;
  } catch {
    // Told below.
  }
  throw invalid(path, 'is not the JSON that pipenv writes');
}

async function readBytes(tree: SourceTree, path: string): Promise<Buffer> {
  const file = tree.find(path);
  return file === undefined ? Buffer.alloc(0) : tree.read(file, 16 * 1024 * 1024);
}

function requirementOf(name: string, value: unknown, path: string): Requirement {
  const from = `${path}, ${name}`;
  if (typeof value === 'string') return parseRequirement(`${name}${versionOf(value)}`, from);
  if (!isTable(value)) throw invalid(from, 'is not a version or a table');
  const extras = textsOf(value['extras']);
  const named = `${name}${extras.length === 0 ? '' : `[${extras.join(',')}]`}`;
  const marker = markerOf(value);
  const hashes = textsOf(value['hashes']).flatMap((hash) => /^sha256:([0-9a-f]{64})$/.exec(hash)?.[1] ?? []);
  const target = targetOf(value);
  if (target !== undefined)
    return parseRequirement(
      `${named} @ ${target}${marker === '' ? '' : ` ; ${marker}`}`,
      from,
      [],
      posix.dirname(path),
    );
  const version = versionOf(textOf(value['version']) ?? '*');
  return parseRequirement(`${named}${version}${marker === '' ? '' : `; ${marker}`}`, from, hashes);
}

function versionOf(text: string): string {
  const plain = text.trim();
  if (plain === '*') return '';
  return /^[\d]/.test(plain) ? `==${plain}` : plain;
}

function targetOf(value: Table): string | undefined {
  const path = textOf(value['path']) ?? textOf(value['file']);
  if (path !== undefined) return /^(?:https?:|\.)/.test(path) ? path : `./${path}`;
  const git = textOf(value['git']);
  if (git === undefined) return undefined;
  const ref = textOf(value['ref']);
  const folder = textOf(value['subdirectory']);
  const [url = '', inGit] = git.replace(/^git\+/, '').split(/@(?=[^/@]*$)/);
  const at = ref ?? inGit;
  return `git+${url}${at === undefined ? '' : `@${at}`}${folder === undefined ? '' : `#subdirectory=${folder}`}`;
}

/** `markers`, and pipenv's short forms: `sys_platform = "== 'linux'"`. */
function markerOf(value: Table): string {
  const short = [
    'os_name',
    'sys_platform',
    'platform_machine',
    'python_version',
    'python_full_version',
  ].flatMap((key) => {
    const said = textOf(value[key]);
    return said === undefined ? [] : [`${key} ${said}`];
  });
  const parts = [textOf(value['markers']), ...short].filter((part) => part !== undefined);
  return parts.length < 2 ? (parts[0] ?? '') : parts.map((part) => `(${part})`).join(' and ');
}

function indexesOf(sources: unknown, path: string): readonly IndexUse[] {
  return (Array.isArray(sources) ? sources : []).filter(isTable).flatMap((source) => {
    const url = textOf(source['url']);
    return url === undefined ? [] : [{ url: redactUrl(url), kind: 'index', from: path } as const];
  });
}

function pythonOf(requires: Table, path: string): { python?: PythonSaid } {
  const version = textOf(requires['python_full_version']) ?? textOf(requires['python_version']);
  return version === undefined || version === '*' ? {} : { python: { version, from: path } };
}

/** pipenv's own proof: the hash of what the Pipfile says. A lock that is older still decides, as with `--ignore-pipfile`. */
async function freshness(
  tree: SourceTree,
  path: string,
  hash: string | undefined,
): Promise<readonly string[]> {
  const pipfile = await readToml(tree, path.replace(/\.lock$/, ''));
  // Without a source pipenv hashes the index that it asks unasked, which is not known here.
  if (pipfile?.['source'] === undefined || hash === undefined) return [];
  const { source, requires, packages, 'dev-packages': dev } = pipfile;
  const said = {
    _meta: { sources: source, requires: requires ?? {} },
    default: packages ?? {},
    develop: dev ?? {},
  };
  if (createHash('sha256').update(canonicalJson(said)).digest('hex') === hash) return [];
  return [`${path} is not of the present Pipfile; it is taken as it is. pipenv lock writes it anew`];
}

function invalid(from: string, what: string): GalleyError {
  return new GalleyError('REQUIREMENTS_INVALID', `${from} ${what}.`, {
    hint: 'Write it again with pipenv lock.',
    details: { from },
  });
}
