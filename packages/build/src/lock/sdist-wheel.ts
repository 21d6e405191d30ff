import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Digest } from '@galley/api/digest';
import type { Emit } from '@galley/api/event';
import type { Engine } from '@galley/engine/engine';
import { readTar } from '@galley/image/tar/read-tar';
import { parse as parseToml } from 'smol-toml';
import { RecordCache, stepKey } from '../cache/record-cache.ts';
import { downloadFile } from '../download/download-file.ts';
import { openHttp } from '../download/http.ts';
import { normalizeName, parseRequirement } from '../recipe/requirement.ts';
import { keepWheel } from '../wheel-cache/fetch-wheels.ts';
import { wheelPath } from '../wheel-cache/wheel-path.ts';
import { readOutput } from '../workload/read-output.ts';
import { runWorkload } from '../workload/run-workload.ts';
import { stepId } from '../workload/step-id.ts';
import { stepLabels } from '../workload/leftovers.ts';
import type { Sdist } from './find-sdist.ts';
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
  readonly toolchain: () => Promise<{ readonly image: Digest; readonly key: string }>;
}

/** The engine takes 64 MiB of files. */
const sdistLimit = 60 * 1024 * 1024;
/** What the toolchain has; a build that wants more gets it from the index inside the workload. */
const onBoard = new Set(['setuptools', 'wheel', 'pip']);

/**
 * Builds a source distribution into a wheel, in a workload: it is code of strangers. The wheel is kept under (sdist, Python, toolchain).
 * Gives its path in the wheel cache. Throws `SDIST_BUILD_FAILED`, `HASH_MISMATCH`, `INDEX_UNREACHABLE`, and what the engine throws.
 */
export async function buildWheel(sdist: Sdist, options: BuildWheelOptions): Promise<string> {
  const toolchain = await options.toolchain();
  const key = stepKey({ sdist: sdist.sha256, python: options.target.python, toolchain: toolchain.key });
  const records = new RecordCache<{ filename: string; sha256: string }>(options.cacheDir, 'built-wheels');
  const known = await records.get(key);
  if (known !== undefined) {
    const path = wheelPath(options.cacheDir, known);
    if ((await stat(path).catch(() => undefined)) !== undefined) return path;
  }
  const source = await fetchSdist(sdist, options);
  const isolated = !(await buildsOnBoard(source));
  const started = performance.now();
  const step = `${sdist.name} ${sdist.version}`;
  const id = stepId('sdist', options.project, sdist.name, key);
  const event = { object: options.object, phase: 'lock', step };
  options.emit({ ...event, state: 'started', reason: 'it has no wheel: built from source in a workload' });
  const built = await runWorkload(
    {
      id,
      project: options.project,
      image: toolchain.image,
      command: pipCommand(sdist, isolated),
      env: { SOURCE_DATE_EPOCH: '315619200', PYTHONHASHSEED: '0', PIP_DISABLE_PIP_VERSION_CHECK: '1' },
      workingDir: '/tmp',
      rootfs: 'writable',
      limits: { memoryBytes: 2 * 1024 ** 3, cpus: 2, pids: 512, openFiles: 4096, diskBytes: 4 * 1024 ** 3 },
      files: { [`/galley/in/${sdist.filename}`]: await readFile(source) },
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
        throw buildFailed(sdist, status.reason ?? `exit code ${status.exitCode}`, stderr);
      return takeWheel(id, sdist, options);
    },
  );
  await records.set(key, built);
  options.emit({ ...event, state: 'done', elapsedMs: Math.round(performance.now() - started) });
  return wheelPath(options.cacheDir, built);
}

function pipCommand(sdist: Sdist, isolated: boolean): readonly string[] {
  return [
    '/opt/galley/tools/bin/python',
    '-m',
    'pip',
    'wheel',
    '--no-deps',
    '--no-cache-dir',
    '--wheel-dir=/galley/out',
    ...(isolated ? ['--index-url=http://127.0.0.1:3141/simple'] : ['--no-index', '--no-build-isolation']),
    `/galley/in/${sdist.filename}`,
  ];
}

async function fetchSdist(sdist: Sdist, options: BuildWheelOptions): Promise<string> {
  const path = join(options.cacheDir, 'sdists', sdist.sha256, sdist.filename);
  const http = openHttp();
  try {
    const found = await downloadFile(
      { name: sdist.filename, urls: [sdist.url], sha256: sdist.sha256, size: sdist.size, path },
      { http, temporaryDir: options.workDir, signal: options.signal },
    ).catch((cause: unknown) => {
      if (cause instanceof GalleyError || options.signal.aborted) throw cause;
      throw new GalleyError('INDEX_UNREACHABLE', `${sdist.filename} cannot be fetched.`, { cause });
    });
    if (found === undefined)
      throw new GalleyError('INDEX_UNREACHABLE', `The index no longer has ${sdist.filename}.`);
  } finally {
    await http.close();
  }
  if ((await stat(path)).size > sdistLimit) throw buildFailed(sdist, 'its source is larger than 60 MiB', []);
  return path;
}

/** Whether the toolchain is all that its build asks for (PEP 518). The archive is read with caps and not unpacked. */
async function buildsOnBoard(path: string): Promise<boolean> {
  const tar = createReadStream(path).pipe(createGunzip());
  for await (const entry of readTar(tar, { entriesMax: 100_000, bytesMax: 2 * 1024 ** 3, special: 'skip' })) {
    if (
      !/^[^/]+\/pyproject\.toml$/.test(entry.path) ||
      entry.size > 1024 * 1024 ||
      entry.content === undefined
    )
      continue;
    const chunks: Uint8Array[] = [];
    for await (const chunk of entry.content() as AsyncIterable<Uint8Array>) chunks.push(chunk);
    return requiresOnly(Buffer.concat(chunks).toString('utf8'));
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
  sdist: Sdist,
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
    if (
      wheel === undefined ||
      wheels.length !== 1 ||
      !fits ||
      normalizeName(name.distribution) !== sdist.name
    ) {
      throw buildFailed(sdist, `it made ${wheels.map(({ path }) => path).join(', ') || 'no wheel'}`, []);
    }
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(wheel.file)) hash.update(chunk as Buffer);
    const kept = { filename: wheel.path, sha256: hash.digest('hex') };
    await keepWheel(options.cacheDir, kept, wheel.file);
    return kept;
  } finally {
    await output.dispose();
  }
}

function buildFailed(sdist: Sdist, why: string, stderr: readonly string[]): GalleyError {
  return new GalleyError(
    'SDIST_BUILD_FAILED',
    `${sdist.name} ${sdist.version} exists only as source and could not be built: ${why}.`,
    {
      hint: 'Use a version that has a wheel, or another package.',
      details: { package: sdist.name, version: sdist.version },
      ...(stderr.length === 0 ? {} : { cause: new Error(stderr.slice(-20).join('\n')) }),
    },
  );
}
