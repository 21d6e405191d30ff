import { randomUUID } from 'node:crypto';
import { copyFile, link, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import { RecordCache, stepKey } from '../cache/record-cache.ts';
import { makeWorkFolder } from '../cache/work-folder.ts';
import { findPython, findUv } from '../command/host-programs.ts';
import { openHttp } from '../download/http.ts';
import type { Requirement } from '../recipe/requirement.ts';
import { wheelPath } from '../wheel-cache/wheel-path.ts';
import { explainFailure, missingWheels } from './explain-failure.ts';
import { findSdist, type Sdist } from './find-sdist.ts';
import { indexEnvironment, readIndexConfiguration, type IndexConfiguration } from './index-configuration.ts';
import type { Lock, LockedWheel } from './lock.ts';
import { parsePylock } from './pylock.ts';
import { runUv } from './uv.ts';
import { glibcBaseline, type WheelTarget } from './wheel-name.ts';

/** Raised when the same requirements would be resolved otherwise. */
const format = 1;

/** What is to be locked. */
export interface LockRequest {
  /** What serving needs. */
  readonly requirements: readonly Requirement[];
  /** What is only there to run notebooks, resolved together with the others but not served. */
  readonly running: readonly Requirement[];
  readonly constraints: readonly Requirement[];
  readonly prerelease: boolean;
  readonly target: WheelTarget;
}

export interface MakeLockOptions {
  readonly cacheDir: string;
  readonly signal?: AbortSignal | undefined;
  /** Builds what has no wheel in a workload and gives the path of the wheel; it is asked at most `sdistLimit` times. */
  readonly buildWheel: (sdist: Sdist) => Promise<string>;
  /** Told before a wheel is built. */
  readonly onSdist?: (sdist: Sdist) => void;
}

export interface MadeLock {
  readonly lock: Lock;
  readonly cached: boolean;
}

const sdistLimit = 20;

/** The key under which a lock is found again: the requirements as they are written, never the address of an index. */
export function lockKey(request: LockRequest): string {
  const lines = (list: readonly Requirement[]): readonly string[] =>
    list.map(({ line, hashes }) => [line, ...hashes].join(' ')).sort();
  return stepKey({
    format,
    roots: lines(request.requirements),
    running: lines(request.running),
    constraints: lines(request.constraints),
    prerelease: request.prerelease,
    target: [request.target.python, request.target.machine],
  });
}

/**
 * Locks requirements. The same request is resolved once; afterwards its lock holds until the requirements change, so that a rebuild is
 * the same tomorrow. Throws `PACKAGE_NOT_FOUND`, `NO_WHEEL_FOR_PYTHON`, `RESOLUTION_FAILED`, `INDEX_UNREACHABLE`, `HASH_MISMATCH`,
 * `HOST_PROGRAM_MISSING`, and what `buildWheel` throws.
 */
export async function makeLock(request: LockRequest, options: MakeLockOptions): Promise<MadeLock> {
  const records = new RecordCache<Lock>(options.cacheDir, 'locks');
  const key = lockKey(request);
  const known = await records.get(key);
  if (known !== undefined && (await builtWheelsArePresent(known, options.cacheDir)))
    return { lock: known, cached: true };
  const work = await makeWorkFolder(options.cacheDir, `lock-${randomUUID()}`);
  try {
    const resolver = await openResolver(request, options, work);
    const wheels = await resolver.all();
    checkHashes(wheels, request.requirements);
    const serving = await resolver.serving(wheels);
    const lock: Lock = { wheels, serving: serving.map(({ name }) => name) };
    await records.set(key, lock);
    return { lock, cached: false };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** A wheel that was built here can be fetched from nowhere: without it the lock is made again. */
async function builtWheelsArePresent(lock: Lock, cacheDir: string): Promise<boolean> {
  for (const wheel of lock.wheels) {
    if (wheel.url === '' && (await stat(wheelPath(cacheDir, wheel)).catch(() => undefined)) === undefined)
      return false;
  }
  return true;
}

interface Resolver {
  all(): Promise<readonly LockedWheel[]>;
  /** The part of `wheels` that the served requirements need: resolved again with everything pinned. */
  serving(wheels: readonly LockedWheel[]): Promise<readonly LockedWheel[]>;
}

async function openResolver(request: LockRequest, options: MakeLockOptions, work: string): Promise<Resolver> {
  const { signal } = options;
  const uv = await findUv();
  const cacheDir = join(options.cacheDir, 'uv');
  const index = await readIndexConfiguration(uv, { cacheDir, signal });
  const found = join(work, 'wheels');
  await mkdir(found);
  const run = async (
    requirements: readonly Requirement[],
    pins: readonly string[],
  ): Promise<LockedWheel[] | string> => {
    const { args, output } = await writeInputs(request, requirements, pins, work, found);
    const result = await runUv(uv, args, { cwd: work, cacheDir, env: indexEnvironment(index), signal });
    if (result.exitCode !== 0) return result.stderr;
    return [...parsePylock(await readFile(output, 'utf8'), request.target)];
  };
  const everything = [...request.requirements, ...request.running];
  return {
    all: async () => {
      for (let built = 0; ; built += 1) {
        const wheels = await run(everything, []);
        if (typeof wheels !== 'string') return wheels;
        const [missing] = missingWheels(wheels);
        if (missing === undefined || built >= sdistLimit) throw explainFailure(wheels, everything);
        const sdist = await findOne(missing, index, request, everything, signal);
        options.onSdist?.(sdist);
        const wheel = await options.buildWheel(sdist);
        await linkOrCopy(wheel, join(found, basename(wheel)));
      }
    },
    serving: async (wheels) => {
      if (request.running.length === 0) return wheels;
      const pins = wheels.map(({ name, version }) => `${name}==${version}`);
      const served = await run(request.requirements, pins);
      if (typeof served === 'string') throw explainFailure(served, request.requirements);
      return served;
    },
  };
}

async function findOne(
  missing: Parameters<typeof findSdist>[0],
  index: IndexConfiguration,
  request: LockRequest,
  requirements: readonly Requirement[],
  signal: AbortSignal | undefined,
): Promise<Sdist> {
  const http = openHttp();
  try {
    return await findSdist(missing, { index: index.url, target: request.target, requirements, http, signal });
  } finally {
    await http.close();
  }
}

async function writeInputs(
  request: LockRequest,
  requirements: readonly Requirement[],
  pins: readonly string[],
  work: string,
  found: string,
): Promise<{ args: readonly string[]; output: string }> {
  const input = join(work, 'requirements.in');
  const constraints = join(work, 'constraints.txt');
  // uv reads what is there as preferences; a lock must not depend on an earlier one.
  const output = join(work, 'pylock.toml');
  await rm(output, { force: true });
  const lines = (list: readonly string[]): string => list.map((line) => `${line}\n`).join('');
  await writeFile(input, lines(requirements.map(({ line }) => line)));
  await writeFile(constraints, lines([...request.constraints.map(({ line }) => line), ...pins]));
  const python = await findPython();
  const { major, minor } = glibcBaseline;
  const platform = `${request.target.machine}-manylinux_${major}_${minor}`;
  return {
    output,
    args: [
      'pip',
      'compile',
      '--quiet',
      '--no-header',
      '--format=pylock.toml',
      '--only-binary=:all:',
      '--generate-hashes',
      `--python-platform=${platform}`,
      `--python-version=${request.target.python}`,
      ...(python === undefined ? [] : [`--python=${python}`]),
      ...(request.prerelease ? ['--prerelease=allow'] : []),
      `--find-links=${found}`,
      `--constraints=${constraints}`,
      `--output-file=${output}`,
      input,
    ],
  };
}

/** Hashes that a requirements.txt demands are held against what was locked: the person wrote them down for this. */
function checkHashes(wheels: readonly LockedWheel[], requirements: readonly Requirement[]): void {
  for (const { name, hashes, from } of requirements) {
    const wheel = wheels.find((candidate) => candidate.name === name);
    if (hashes.length === 0 || wheel === undefined || hashes.includes(wheel.sha256)) continue;
    throw new GalleyError('HASH_MISMATCH', `${wheel.filename} has none of the hashes that ${from} demands.`, {
      hint: 'Write the hashes anew if the file is the right one; if it is not, do not trust the index.',
      details: { file: wheel.filename, sha256: wheel.sha256, demanded: hashes, from },
    });
  }
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  await link(from, to).catch(() => copyFile(from, to));
}
