import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { linkOrCopy } from '../cache/link-or-copy.ts';
import { findPython, findUv } from '../command/host-programs.ts';
import { openHttp } from '../download/http.ts';
import { HashPolicy } from './hash-policy.ts';
import { explainFailure, missingWheels, type MissingWheel } from './explain-failure.ts';
import { findSdist, type Sdist } from './find-sdist.ts';
import { indexEnvironment, readIndexConfiguration, type IndexConfiguration } from './index-configuration.ts';
import { allowIndexes, type AllowedIndexes } from './allow-indexes.ts';
import type { LockedWheel } from './lock.ts';
import { rootLine, type LockRequest, type Root } from './lock-request.ts';
import { parsePylock } from './pylock.ts';
import { freshRoots } from './default-roots.ts';
import { runUv } from './uv.ts';
import { glibcBaseline } from './wheel-name.ts';

/** How often a source distribution is built for one lock. */
const sdistLimit = 20;

export interface ResolverOptions {
  readonly cacheDir: string;
  readonly signal?: AbortSignal | undefined;
  /**
   * Builds what has no wheel in a workload and gives the path of the wheel; it is asked at most `sdistLimit` times. Undefined: nothing is
   * built, and the lock is made without such packages and what only they depend on.
   */
  readonly buildWheel: ((sdist: Sdist) => Promise<string>) | undefined;
}

export interface Resolver {
  all(): Promise<readonly LockedWheel[]>;
  /** What `all` left out, since nothing is built. */
  readonly unbuilt: readonly Sdist[];
  /** The part of `wheels` that the served requirements need: resolved again with everything pinned. */
  serving(wheels: readonly LockedWheel[]): Promise<readonly LockedWheel[]>;
}

/** uv on the requirements of a request, in the private folder `work`. Throws as `makeLock`. */
export async function openResolver(
  request: LockRequest,
  options: ResolverOptions,
  work: string,
): Promise<Resolver> {
  const { signal } = options;
  const uv = await findUv();
  const cacheDir = join(options.cacheDir, 'uv');
  const index = await readIndexConfiguration(uv, { cacheDir, signal });
  const allowed = await allowIndexes(request, index);
  const hashes = new HashPolicy(request);
  const found = join(work, 'wheels');
  await mkdir(found, { recursive: true });
  const unbuilt: Sdist[] = [];
  const run = async (
    roots: readonly Root[],
    pins: readonly string[],
  ): Promise<readonly LockedWheel[] | string> => {
    const { args, output } = await writeInputs(request, roots, pins, { work, found, allowed, unbuilt });
    const env = indexEnvironment({ url: index.url, extra: [...allowed.indexes, ...index.extra] });
    const result = await runUv(uv, args, { cwd: work, cacheDir, env, signal });
    if (result.exitCode !== 0) return result.stderr;
    return parsePylock(await readFile(output, 'utf8'), request.target, {
      allows: (name, sha256) => hashes.allows(name, sha256),
      refused: (name, filenames) => hashes.refused(name, filenames),
      local: new Map(
        roots.flatMap(({ wheel }) => (wheel === undefined ? [] : [[wheel.sha256, wheel] as const])),
      ),
    });
  };
  const everything = [...request.requirements, ...request.running];
  return {
    unbuilt,
    all: async () => {
      for (let built = 0; ; built += 1) {
        const wheels = await run(everything, []);
        if (typeof wheels !== 'string') return wheels;
        const [missing] = missingWheels(wheels);
        if (missing === undefined || built >= sdistLimit) throw explainFailure(wheels, everything);
        const sdist = await findOne(missing, index, request, signal);
        hashes.checkSdist(sdist);
        if (options.buildWheel === undefined) {
          unbuilt.push(sdist);
          continue;
        }
        const wheel = await options.buildWheel(sdist);
        hashes.built(sdist.name);
        await linkOrCopy(wheel, join(found, basename(wheel)));
      }
    },
    serving: async (wheels) => {
      if (request.running.length === 0) return wheels;
      const local = new Set(everything.flatMap(({ wheel }) => wheel?.name ?? []));
      const pins = wheels
        .filter(({ name }) => !local.has(name))
        .map(({ name, version }) => `${name}==${version}`);
      const served = await run(request.requirements, pins);
      if (typeof served === 'string') throw explainFailure(served, request.requirements);
      return served;
    },
  };
}

async function findOne(
  missing: MissingWheel,
  index: IndexConfiguration,
  request: LockRequest,
  signal: AbortSignal | undefined,
): Promise<Sdist> {
  const http = openHttp();
  const requirements = [...request.requirements, ...request.running, ...request.constraints];
  try {
    return await findSdist(missing, {
      index: index.url,
      target: request.target,
      asOf: request.asOf,
      requirements,
      http,
      signal,
    });
  } finally {
    await http.close();
  }
}

interface Places {
  readonly work: string;
  readonly found: string;
  readonly allowed: AllowedIndexes;
  readonly unbuilt: readonly Sdist[];
}

async function writeInputs(
  request: LockRequest,
  roots: readonly Root[],
  pins: readonly string[],
  places: Places,
): Promise<{ args: readonly string[]; output: string }> {
  const input = join(places.work, 'requirements.in');
  const constraints = join(places.work, 'constraints.txt');
  const excludes = join(places.work, 'excludes.txt');
  // uv reads what is there as preferences; a lock must not depend on an earlier one.
  const output = join(places.work, 'pylock.toml');
  await rm(output, { force: true });
  const lines = (list: readonly string[]): string => list.map((line) => `${line}\n`).join('');
  await writeFile(input, lines(roots.map((root) => rootLine(root, ({ path }) => pathToFileURL(path).href))));
  await writeFile(constraints, lines([...request.constraints.map(({ line }) => line), ...pins]));
  await writeFile(excludes, lines(places.unbuilt.map(({ name }) => name)));
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
      ...asOfArguments(request.asOf),
      `--find-links=${places.found}`,
      ...places.allowed.links.map((url) => `--find-links=${url}`),
      `--constraints=${constraints}`,
      ...(places.unbuilt.length === 0 ? [] : [`--excludes=${excludes}`]),
      `--output-file=${output}`,
      input,
    ],
  };
}

/** What we add to an environment must fit the Python of today, whatever the date of the user's packages. */
function asOfArguments(asOf: string | undefined): readonly string[] {
  if (asOf === undefined) return [];
  return [`--exclude-newer=${asOf}`, ...freshRoots.map((name) => `--exclude-newer-package=${name}=false`)];
}
