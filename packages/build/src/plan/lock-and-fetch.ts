import { countOf } from '@galley/api/kind/count';
import type { WheelFile } from '@galley/image/wheel/wheel-fault';
import { withLocalWheels, type LocalWheelOptions } from '../lock/local-wheel.ts';
import type { Lock, LockedWheel } from '../lock/lock.ts';
import { makeLock, type MadeLock } from '../lock/make-lock.ts';
import { buildWheel } from '../lock/sdist-wheel.ts';
import type { Carried } from '../bundle/carried.ts';
import type { Requirement } from '../recipe/requirement.ts';
import { fetchWheels } from '../wheel-cache/fetch-wheels.ts';
import { wheelPath } from '../wheel-cache/wheel-path.ts';
import type { Bases } from './bases.ts';
import type { BuildWork } from './build-work.ts';
import { lockRecipe, wheelTarget, type LockedRecipe } from './lock-recipe.ts';
import { toolchainImage } from './toolchain.ts';

/** A lock, and its wheels on this disk. */
export interface Wheels {
  readonly locked: LockedRecipe;
  readonly user: readonly WheelFile[];
  readonly tools: readonly WheelFile[];
  readonly toolsLock: Lock;
}

/** Locks a recipe and the tools beside it, and fetches what they name. Throws as `lockRecipe` and `fetchWheels`. */
export async function lockAndFetch(
  work: BuildWork,
  bases: Bases,
  { roots, signal }: { readonly roots: readonly Requirement[]; readonly signal: AbortSignal },
): Promise<Wheels> {
  const { context, phases, object, options, recipe, source, workDir } = work;
  const { cacheDir, emit } = context;
  const build = (python: string): LocalWheelOptions => ({
    ...context,
    signal,
    object,
    workDir,
    project: options.project,
    application: options.name,
    tree: source,
    target: wheelTarget(python),
    notebooks: recipe.notebooks.map(({ path }) => path),
    toolchain: async () => toolchainImage(await bases.of(python), { context, object, signal }),
  });
  if (context.carried !== undefined) return carriedWheels(work, context.carried, signal);
  return phases.run('lock', async (end) => {
    // Most likely for the right Python: then it takes no time of its own.
    const early = toolsLock(roots, recipe.python.version, build(recipe.python.version));
    early.catch(() => undefined);
    const locked = await lockRecipe(recipe, {
      ...work.choices,
      cacheDir,
      emit,
      object,
      signal,
      roots: (requirements, version) => withLocalWheels(requirements, build(version)),
      buildWheel: (sdist, version) => buildWheel(sdist, build(version)),
    });
    const { python, lock } = locked;
    const tools = await (python.version === recipe.python.version
      ? early
      : toolsLock(roots, python.version, build(python.version)));
    const fetched = await fetchWheels(uniqueWheels([...lock.wheels, ...tools.lock.wheels]), {
      cacheDir,
      emit,
      object,
      signal,
    });
    const byHash = new Map(fetched.files.map((file) => [file.sha256, file]));
    const pick = (wheels: readonly LockedWheel[]): readonly WheelFile[] =>
      wheels.flatMap(({ sha256 }) => byHash.get(sha256) ?? []);
    const isKnown = locked.cached && tools.cached && fetched.fetchedBytes === 0;
    end({
      state: isKnown ? 'skipped' : 'done',
      reason: `${countOf(lock.wheels.length, 'package')}${locked.cached ? ', locked before' : ''}`,
    });
    return { locked, user: pick(lock.wheels), tools: pick(tools.lock.wheels), toolsLock: tools.lock };
  });
}

/** The locks of a bundle, whose wheels lie in the cache: no resolver and no index is asked. */
function carriedWheels(
  { context, phases, recipe, choices }: BuildWork,
  { python, lock, tools }: Carried,
  signal: AbortSignal,
): Promise<Wheels> {
  return phases.run('lock', (end) => {
    signal.throwIfAborted();
    const files = (wheels: readonly LockedWheel[]): readonly WheelFile[] =>
      wheels.map((wheel) => ({ path: wheelPath(context.cacheDir, wheel), sha256: wheel.sha256 }));
    const target = wheelTarget(python.version);
    const request = { ...nothing, target, asOf: choices.asOf };
    end({ state: 'skipped', reason: `${countOf(lock.wheels.length, 'package')}, of the bundle` });
    return Promise.resolve({
      locked: { lock, cached: true, unbuilt: [], request, python: { ...recipe.python, ...python } },
      user: files(lock.wheels),
      tools: files(tools.wheels),
      toolsLock: tools,
    });
  });
}

/** A request that asks for nothing. */
const nothing = { requirements: [], running: [], constraints: [], prerelease: false } as const;

function toolsLock(
  roots: readonly Requirement[],
  python: string,
  build: LocalWheelOptions,
): Promise<MadeLock> {
  const target = wheelTarget(python);
  return makeLock(
    { ...nothing, requirements: roots, target },
    { cacheDir: build.cacheDir, signal: build.signal, buildWheel: (sdist) => buildWheel(sdist, build) },
  );
}

function uniqueWheels(wheels: readonly LockedWheel[]): readonly LockedWheel[] {
  return [...new Map(wheels.map((wheel) => [wheel.sha256, wheel])).values()];
}
