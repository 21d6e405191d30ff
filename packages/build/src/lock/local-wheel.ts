import { mkdtemp, stat, writeFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import { RecordCache, stepKey } from '../cache/record-cache.ts';
import { fetchUnknown } from '../download/fetch-unknown.ts';
import { checkPublic, openGuardedHttp, type GuardOptions } from '../download/guarded-http.ts';
import { fileNameOf, type DirectSource } from '../recipe/direct.ts';
import { normalName } from '@galley/image/wheel/metadata';
import { type Requirement } from '../recipe/requirement.ts';
import { redactUrl } from '../source/git/address.ts';
import { openGit } from '../source/git/repository.ts';
import { hashContent } from '../source/hash-content.ts';
import type { SourceEntry, SourceTree } from '../source/source-tree.ts';
import { keepWheel } from '../wheel-cache/fetch-wheels.ts';
import { buildFromArchive, type BuildWheelOptions, type SourceArchive } from './build-from-archive.ts';
import type { LocalWheel, Root } from './lock-request.ts';
import { packProject } from './pack-project.ts';
import { parseWheelName, wheelRank } from './wheel-name.ts';

export interface LocalWheelOptions extends BuildWheelOptions {
  readonly tree: SourceTree;
  /** Notebooks that the build of a project does not get to see. */
  readonly notebooks: readonly string[];
  /** Private addresses that a requirement may lead to. */
  readonly privateHosts: GuardOptions['privateHosts'];
}

/** What it takes to use a wheel that lies in the repository: nothing is run. */
export type RepositoryWheelOptions = Pick<LocalWheelOptions, 'tree' | 'workDir' | 'cacheDir' | 'target'>;

/** Of a wheel or an archive that lies behind a URL. */
const downloadLimit = 2 * 1024 ** 3;

/**
 * Gives every direct requirement its wheel: taken from the repository, fetched, or built in a workload. Others stay as they are.
 * Throws `REQUIREMENTS_INVALID`, `SDIST_BUILD_FAILED`, `HASH_MISMATCH`, `EGRESS_DENIED`, `INDEX_UNREACHABLE`, and what git sources throw.
 */
export async function withLocalWheels(
  requirements: readonly Requirement[],
  options: LocalWheelOptions,
): Promise<readonly Root[]> {
  const roots: Root[] = [];
  // One after the other: each is a workload with the whole machine's processors.
  for (const requirement of requirements) {
    const { direct } = requirement;
    roots.push(
      direct === undefined
        ? requirement
        : toRoot(requirement, await wheelOf(direct.source, requirement, options)),
    );
  }
  return roots;
}

function toRoot(requirement: Requirement, wheel: LocalWheel): Root {
  return { ...requirement, name: wheel.name, hashes: [], wheel };
}

async function wheelOf(
  source: DirectSource,
  requirement: Requirement,
  options: LocalWheelOptions,
): Promise<LocalWheel> {
  switch (source.kind) {
    case 'project':
      return projectWheel(options.tree.entries, source.path, requirement, options);
    case 'file':
      return fileWheel(source.path, requirement, options);
    case 'url':
      return fetchedOnce(source, requirement, options, () =>
        urlWheel(source.url, source.folder, requirement, options),
      );
    case 'git':
      return fetchedOnce(source, requirement, options, () => gitWheel(source, requirement, options));
  }
}

/** The wheel that was fetched from there before; not from where the operator lets nobody go any more. */
async function fetchedOnce(
  source: DirectSource,
  { hashes }: Requirement,
  { cacheDir, target, privateHosts }: LocalWheelOptions,
  fetch: () => Promise<LocalWheel>,
): Promise<LocalWheel> {
  const records = new RecordCache<LocalWheel>(cacheDir, 'direct-wheels');
  const listed = [...(await privateHosts())].sort();
  const key = stepKey({ source, hashes, python: target.python, privateHosts: listed });
  const known = await records.get(key);
  if (known !== undefined && (await isThere(known.path))) return known;
  const wheel = await fetch();
  await records.set(key, wheel);
  return wheel;
}

async function projectWheel(
  entries: readonly SourceEntry[],
  folder: string,
  requirement: Requirement,
  options: LocalWheelOptions,
): Promise<LocalWheel> {
  const has = (name: string): boolean =>
    entries.some(({ path }) => path === (folder === '' ? name : `${folder}/${name}`));
  if (!has('pyproject.toml') && !has('setup.py'))
    throw invalid(
      requirement,
      `${folder === '' ? 'The root of the repository' : folder} holds neither pyproject.toml nor setup.py`,
    );
  const packed = await packProject(entries, { without: new Set(options.notebooks), folder: options.workDir });
  return built(
    {
      name: requirement.name,
      version: '',
      title: folder === '' ? 'the project of the repository' : `the project ${folder}`,
      sha256: packed.sha256,
      folder,
      open: () => Promise.resolve(packed.path),
      why: `${requirement.from} installs it: built in a workload`,
    },
    options,
  );
}

/**
 * Gives requirements that are wheels of the repository their wheel; others stay as they are. Runs nothing, fetches nothing. Throws
 * `REQUIREMENTS_INVALID`, `HASH_MISMATCH`.
 */
export async function withRepositoryWheels(
  requirements: readonly Requirement[],
  options: RepositoryWheelOptions,
): Promise<readonly Root[]> {
  const roots: Root[] = [];
  for (const requirement of requirements) {
    const source = requirement.direct?.source;
    if (source?.kind !== 'file' || !source.path.endsWith('.whl')) roots.push(requirement);
    else
      roots.push(
        toRoot(
          requirement,
          await takeWheel(await openFile(source.path, requirement, options), requirement, options),
        ),
      );
  }
  return roots;
}

async function fileWheel(
  path: string,
  requirement: Requirement,
  options: LocalWheelOptions,
): Promise<LocalWheel> {
  return archiveOrWheel(await openFile(path, requirement, options), requirement, options);
}

async function openFile(
  path: string,
  requirement: Requirement,
  options: RepositoryWheelOptions,
): Promise<Fetched> {
  const file = options.tree.find(path);
  if (file === undefined) throw invalid(requirement, `The source holds no ${path}`);
  const place = Buffer.isBuffer(file.content)
    ? await spool(file.content, options.workDir)
    : file.content.spooled;
  const sha256 = await hashContent(file.content);
  return { name: posix.basename(path), path: place, sha256, folder: '' };
}

async function spool(content: Buffer, workDir: string): Promise<string> {
  const place = join(await mkdtemp(join(workDir, 'file-')), 'content');
  await writeFile(place, content);
  return place;
}

interface Fetched {
  readonly name: string;
  readonly path: string;
  readonly sha256: string;
  readonly folder: string;
}

async function archiveOrWheel(
  file: Fetched,
  requirement: Requirement,
  options: LocalWheelOptions,
): Promise<LocalWheel> {
  if (file.name.endsWith('.whl')) return takeWheel(file, requirement, options);
  checkHash(file, requirement);
  if (!/\.(?:tar\.gz|tgz)$/.test(file.name))
    throw invalid(requirement, `${file.name} is no wheel and no .tar.gz`);
  return built(
    {
      name: requirement.name,
      version: '',
      title: file.name,
      sha256: file.sha256,
      folder: file.folder,
      open: () => Promise.resolve(file.path),
      why: `${requirement.from} installs it: built in a workload`,
    },
    options,
  );
}

async function takeWheel(
  file: Fetched,
  requirement: Requirement,
  options: RepositoryWheelOptions,
): Promise<LocalWheel> {
  checkHash(file, requirement);
  const name = parseWheelName(file.name);
  if (name === undefined || wheelRank(name, options.target) === undefined)
    throw invalid(
      requirement,
      `${file.name} is no wheel for Python ${options.target.python} on this machine`,
    );
  const path = await keepWheel(options.cacheDir, { filename: file.name, sha256: file.sha256 }, file.path);
  return localWheel({ filename: file.name, sha256: file.sha256, size: (await stat(path)).size, path });
}

/** Throws `HASH_MISMATCH`. */
function checkHash(file: Fetched, requirement: Requirement): void {
  if (requirement.hashes.length > 0 && !requirement.hashes.includes(file.sha256)) {
    throw new GalleyError(
      'HASH_MISMATCH',
      `${file.name} has none of the hashes that ${requirement.from} demands.`,
      {
        hint: 'Write the hash anew if the file is the right one; if it is not, do not trust where it came from.',
        details: {
          file: file.name,
          sha256: file.sha256,
          demanded: requirement.hashes,
          from: requirement.from,
        },
      },
    );
  }
}

async function urlWheel(
  url: string,
  folder: string,
  requirement: Requirement,
  options: LocalWheelOptions,
): Promise<LocalWheel> {
  const http = openGuardedHttp(options);
  try {
    const fetched = await fetchUnknown(url, {
      http,
      folder: options.workDir,
      maxBytes: downloadLimit,
      signal: options.signal,
    }).catch((cause: unknown) => {
      options.signal.throwIfAborted();
      throw cause instanceof GalleyError ? cause : unreachable(url, requirement, cause);
    });
    const name = fileNameOf(new URL(url));
    return await archiveOrWheel({ ...fetched, name, folder }, requirement, options);
  } finally {
    await http.close();
  }
}

async function gitWheel(
  source: Extract<DirectSource, { kind: 'git' }>,
  requirement: Requirement,
  options: LocalWheelOptions,
): Promise<LocalWheel> {
  await checkPublic(source.url, options);
  const spoolFolder = await mkdtemp(join(options.workDir, 'git-'));
  const tree = await openGit(
    { url: source.url, ref: source.ref, contextDir: '' },
    { spool: spoolFolder, signal: options.signal, privateHosts: options.privateHosts },
  );
  return projectWheel(tree.entries, source.folder, requirement, { ...options, notebooks: [] });
}

async function built(source: SourceArchive, options: LocalWheelOptions): Promise<LocalWheel> {
  return localWheel(await buildFromArchive(source, options));
}

function localWheel(wheel: { filename: string; sha256: string; size: number; path: string }): LocalWheel {
  const name = parseWheelName(wheel.filename);
  return { ...wheel, name: normalName(name?.distribution ?? ''), version: name?.version ?? '' };
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

function unreachable(url: string, requirement: Requirement, cause: unknown): GalleyError {
  return new GalleyError(
    'INDEX_UNREACHABLE',
    `${requirement.from} asks for a file of ${new URL(url).host}, which cannot be fetched.`,
    {
      hint: 'Check the address, and the network and proxy of this machine.',
      cause,
    },
  );
}

function invalid(requirement: Requirement, what: string): GalleyError {
  return new GalleyError('REQUIREMENTS_INVALID', `${what}, which ${requirement.from} asks for.`, {
    hint: 'Correct the path, or give name and version of a package of the index.',
    details: { requirement: redactUrl(requirement.line), from: requirement.from },
  });
}
