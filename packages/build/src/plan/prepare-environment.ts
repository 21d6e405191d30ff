import type { Layer } from '@galley/image/descriptor';
import { assembleImage } from '@galley/image/assemble/assemble-image';
import { buildLayer } from '@galley/image/layer/build-layer';
import type { WheelFile } from '@galley/image/wheel/wheel-fault';
import { wheelLayer, wheelLayers, type WheelLayer } from '@galley/image/wheel/wheel-layers';
import { venvEntries } from '@galley/image/wheel/venv-entries';
import type { BuildContext, LayerRecord } from '../build.ts';
import { readBaseLock } from '../base/base-lock.ts';
import { buildBase, type Base } from '../base/build-base.ts';
import { LayerCache, type CachedLayer } from '../cache/layer-cache.ts';
import { stepKey } from '../cache/record-cache.ts';
import { toolsEnvironment, userEnvironment } from '../layers/environments.ts';
import { packRuntime } from '../layers/runtime-layer.ts';
import { runningRoots, servingRoots, toolchainRoots, toolsRoots } from '../lock/default-roots.ts';
import { lockDigest, type Lock, type LockedWheel } from '../lock/lock.ts';
import { makeLock, type LockRequest } from '../lock/make-lock.ts';
import { buildWheel } from '../lock/sdist-wheel.ts';
import type { WheelTarget } from '../lock/wheel-name.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { parseRequirement } from '../recipe/requirement.ts';
import { fetchWheels } from '../wheel-cache/fetch-wheels.ts';
import type { PhaseLog } from './phase-log.ts';

/** Everything of an image that does not depend on the repository's files: what a warm rebuild takes as it is. */
export interface Environment {
  readonly base: Base;
  readonly lock: Lock;
  /** Of the whole lock: what decides a training. */
  readonly lockDigest: ReturnType<typeof lockDigest>;
  /** Base, dependencies, runtime: the lower layers of every image. */
  readonly serving: readonly Layer[];
  /** The kernel and the notebook tools: environment images only. */
  readonly running: readonly Layer[];
  readonly records: readonly LayerRecord[];
}

export interface PrepareOptions {
  readonly context: BuildContext;
  readonly phases: PhaseLog;
  readonly object: string;
  readonly project: string;
  readonly application: string;
  /** Private to this build. */
  readonly workDir: string;
}

/** The machine that images are for: this one's. */
export function wheelTarget(python: string): WheelTarget {
  return { python, machine: process.arch === 'arm64' ? 'aarch64' : 'x86_64' };
}

/** What is locked for a recipe: the user's roots with cloudpickle, and the kernel beside them. */
export function lockRequest(recipe: Recipe): LockRequest {
  const { requirements, constraints, prerelease, imports } = recipe.requirements;
  // A cell that imports IPython may well refer to it in the predictor: then it is served too.
  const ipython = imports.includes('IPython') ? [parseRequirement('ipython', 'import IPython')] : [];
  return {
    requirements: [...requirements, ...servingRoots, ...ipython],
    running: runningRoots,
    constraints,
    prerelease,
    target: wheelTarget(recipe.python),
  };
}

/** Makes or finds base, lock, wheels and their layers; base and lock side by side, since neither waits for the other. */
export async function prepareEnvironment(recipe: Recipe, options: PrepareOptions): Promise<Environment> {
  const { context, phases } = options;
  const failed = new AbortController();
  const signal = AbortSignal.any([context.signal, failed.signal]);
  const making = phases.run('base', async (end) => {
    const made = await buildBase(await readBaseLock(recipe.python), {
      ...context,
      object: options.object,
      signal,
    });
    end({ state: made.cached ? 'skipped' : 'done', reason: `${made.suite}, Python ${made.pythonFull}` });
    return made;
  });
  try {
    const wheels = await lockAndFetch(recipe, making, options, signal);
    const base = await making;
    return await phases.run('layers', async (end) => {
      const environment = await layerAll(base, recipe.python, wheels, options, signal);
      const made = environment.records.filter(({ cached }) => !cached).length;
      end({
        state: made === 0 ? 'skipped' : 'done',
        reason: made === 0 ? 'every layer is known' : `${made} new`,
      });
      return environment;
    });
  } catch (error) {
    failed.abort(error);
    await making.catch(() => undefined);
    throw error;
  }
}

interface Wheels {
  readonly lock: Lock;
  readonly user: readonly WheelFile[];
  readonly tools: readonly WheelFile[];
}

async function lockAndFetch(
  recipe: Recipe,
  base: Promise<Base>,
  options: PrepareOptions,
  signal: AbortSignal,
): Promise<Wheels> {
  const { context, phases, object } = options;
  const target = wheelTarget(recipe.python);
  const build = {
    ...context,
    ...options,
    signal,
    target,
    emit: context.emit,
    engine: context.engine,
    cacheDir: context.cacheDir,
    toolchain: () => toolchainImage(recipe.python, base, options, signal),
  };
  const lockOptions = {
    cacheDir: context.cacheDir,
    signal,
    buildWheel: (sdist: Parameters<typeof buildWheel>[0]) => buildWheel(sdist, build),
  };
  return phases.run('lock', async (end) => {
    const [user, tools] = await Promise.all([
      makeLock(lockRequest(recipe), lockOptions),
      makeLock(
        { requirements: toolsRoots, running: [], constraints: [], prerelease: false, target },
        lockOptions,
      ),
    ]);
    const fetched = await fetchWheels(uniqueWheels([...user.lock.wheels, ...tools.lock.wheels]), {
      cacheDir: context.cacheDir,
      emit: context.emit,
      object,
      signal,
    });
    const byHash = new Map(fetched.files.map((file) => [file.sha256, file]));
    const pick = (wheels: readonly LockedWheel[]): readonly WheelFile[] =>
      wheels.flatMap(({ sha256 }) => byHash.get(sha256) ?? []);
    const isKnown = user.cached && tools.cached && fetched.fetchedBytes === 0;
    end({
      state: isKnown ? 'skipped' : 'done',
      reason: `${user.lock.wheels.length} packages${user.cached ? ', locked before' : ''}`,
    });
    return { lock: user.lock, user: pick(user.lock.wheels), tools: pick(tools.lock.wheels) };
  });
}

function uniqueWheels(wheels: readonly LockedWheel[]): readonly LockedWheel[] {
  return [...new Map(wheels.map((wheel) => [wheel.sha256, wheel])).values()];
}

async function layerAll(
  base: Base,
  python: string,
  wheels: Wheels,
  options: PrepareOptions,
  signal: AbortSignal,
): Promise<Environment> {
  const { store, cacheDir } = options.context;
  const cache = new LayerCache(cacheDir, store);
  const served = new Set(wheels.lock.serving);
  const isServed = (_: WheelFile, index: number): boolean =>
    served.has(wheels.lock.wheels[index]?.name ?? '');
  const onProgress = layerProgress(options);
  const common = { cacheDir, signal };
  const dependencies = await wheelLayers(store, wheels.user.filter(isServed), {
    ...common,
    ...userEnvironment(python),
    createdBy: 'galley dependencies',
    onProgress,
  });
  const kernelWheels = wheels.user.filter((file, index) => !isServed(file, index));
  const kernel =
    kernelWheels.length === 0
      ? []
      : [
          await wheelLayer(store, kernelWheels, {
            ...common,
            ...userEnvironment(python),
            createdBy: 'galley kernel',
          }),
        ];
  const tools = await wheelLayer(store, wheels.tools, {
    ...common,
    ...toolsEnvironment(python),
    createdBy: 'galley tools',
  });
  const venv = await toolsVenv(cache, python, options);
  const runtime = await runtimeLayer(cache, options);
  const record = (role: string, layer: Layer, cached: boolean, from: string): LayerRecord => ({
    role,
    digest: layer.descriptor.digest,
    sizeBytes: layer.descriptor.size,
    cached,
    from,
  });
  const wheelRecord =
    (role: string) =>
    (layer: WheelLayer): LayerRecord =>
      record(role, layer, layer.cached, layer.packages.join(', '));
  return {
    base,
    lock: wheels.lock,
    lockDigest: lockDigest(wheels.lock.wheels),
    serving: [base.layer, ...dependencies, runtime.layer],
    running: [...kernel, venv.layer, tools],
    records: [
      record('base', base.layer, base.cached, `base.lock ${base.suite}`),
      ...dependencies.map(wheelRecord('dependencies')),
      record('runtime', runtime.layer, runtime.cached, 'galley-runtime'),
      ...[...kernel, tools].map(wheelRecord('tools')),
    ],
  };
}

function layerProgress({
  context,
  object,
}: PrepareOptions): (done: number, total: number, packages: readonly string[]) => void {
  return (done, total, packages) => {
    const step = packages.slice(0, 3).join(', ');
    context.emit({ object, phase: 'layers', step, state: 'progress', unit: 'bytes', done, total });
  };
}

async function toolsVenv(
  cache: LayerCache,
  python: string,
  { context }: PrepareOptions,
): Promise<CachedLayer> {
  return cache.getOrMake(stepKey({ toolsVenv: 1, python }), () =>
    buildLayer(context.store, venvEntries(toolsEnvironment(python), `/usr/bin/python${python}`), {
      createdBy: 'galley tools environment',
      signal: context.signal,
    }),
  );
}

async function runtimeLayer(cache: LayerCache, { context }: PrepareOptions): Promise<CachedLayer> {
  const runtime = await packRuntime();
  return cache.getOrMake(stepKey({ runtime: runtime.sha256 }), () =>
    buildLayer(context.store, runtime.entries, { createdBy: 'galley runtime', signal: context.signal }),
  );
}

/** Base and pip: what builds a source distribution. Its own small lock; made only when a package needs it. */
async function toolchainImage(
  python: string,
  base: Promise<Base>,
  options: PrepareOptions,
  signal: AbortSignal,
): Promise<{ image: Awaited<ReturnType<typeof assembleImage>>['digest']; key: string }> {
  const { store, cacheDir, emit } = options.context;
  const request: LockRequest = {
    requirements: toolchainRoots,
    running: [],
    constraints: [],
    prerelease: false,
    target: wheelTarget(python),
  };
  const { lock } = await makeLock(request, {
    cacheDir,
    signal,
    buildWheel: (sdist) => Promise.reject(new Error(`the toolchain itself has no wheel: ${sdist.filename}`)),
  });
  const { files } = await fetchWheels(lock.wheels, { cacheDir, emit, object: options.object, signal });
  const cache = new LayerCache(cacheDir, store);
  const venv = await toolsVenv(cache, python, options);
  const tools = await wheelLayer(store, files, {
    cacheDir,
    signal,
    ...toolsEnvironment(python),
    createdBy: 'galley toolchain',
  });
  const made = await base;
  const image = await assembleImage(store, {
    layers: [made.layer, venv.layer, tools],
    config: {
      User: '1001:0',
      WorkingDir: '/tmp',
      Env: ['PATH=/opt/galley/tools/bin:/usr/bin:/bin', 'HOME=/tmp', 'LANG=C.UTF-8'],
    },
  });
  return { image: image.digest, key: image.digest };
}
