import type { Layer } from '@galley/image/descriptor';
import { buildLayer } from '@galley/image/layer/build-layer';
import type { WheelFile } from '@galley/image/wheel/wheel-fault';
import { wheelLayer, wheelLayers, type WheelLayer } from '@galley/image/wheel/wheel-layers';
import type { BuildContext, LayerRecord } from '../build.ts';
import { LayerCache, type CachedLayer } from '../cache/layer-cache.ts';
import { stepKey } from '../cache/record-cache.ts';
import { toolsEnvironment, userEnvironment } from '../layers/environments.ts';
import { packRuntime } from '../layers/runtime-layer.ts';
import { lockDigest, type LockedWheel } from '../lock/lock.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { Bases, type SystemBase } from './bases.ts';
import { lockAndFetch, type LockAndFetchOptions, type Wheels } from './lock-and-fetch.ts';
import type { LockedRecipe } from './lock-recipe.ts';
import { systemLayers, toolsVenv } from './toolchain.ts';

/** Everything of an image that does not depend on the repository's files: what a warm rebuild takes as it is. */
export interface Environment {
  readonly base: SystemBase;
  /** With the Python whose wheels were found. */
  readonly locked: LockedRecipe;
  /** Of the whole lock: what decides a training. */
  readonly lockDigest: ReturnType<typeof lockDigest>;
  /** Base, dependencies, runtime, the project itself: the lower layers of every image. */
  readonly serving: readonly Layer[];
  /** The kernel and the notebook tools: environment images only. */
  readonly running: readonly Layer[];
  readonly records: readonly LayerRecord[];
}

export type PrepareOptions = LockAndFetchOptions;

/** Makes or finds base, lock, wheels and their layers; base and lock side by side, since neither waits for the other. */
export async function prepareEnvironment(recipe: Recipe, options: PrepareOptions): Promise<Environment> {
  const { context, phases } = options;
  const failed = new AbortController();
  const signal = AbortSignal.any([context.signal, failed.signal]);
  const bases = new Bases({ ...options, systemPackages: recipe.systemPackages }, signal);
  // Most likely the one; where its pins have no wheel, the lock asks for another.
  bases.of(recipe.python.version).catch(() => undefined);
  try {
    const wheels = await lockAndFetch(recipe, bases, options, signal);
    const base = await bases.of(wheels.locked.python.version);
    return await phases.run('layers', async (end) => {
      const environment = await layerAll(base, wheels, options, signal);
      const made = environment.records.filter(({ cached }) => !cached).length;
      end({
        state: made === 0 ? 'skipped' : 'done',
        reason: made === 0 ? 'every layer is known' : `${made} new`,
      });
      return environment;
    });
  } catch (error) {
    failed.abort(error);
    throw error;
  } finally {
    await bases.settled();
  }
}

async function layerAll(
  base: SystemBase,
  wheels: Wheels,
  options: PrepareOptions,
  signal: AbortSignal,
): Promise<Environment> {
  const { store, cacheDir } = options.context;
  const { locked } = wheels;
  const python = locked.python.version;
  const cache = new LayerCache(cacheDir, store);
  const served = new Set(locked.lock.serving);
  const files = (wants: (wheel: LockedWheel) => boolean): readonly WheelFile[] =>
    wheels.user.filter((_, index) => {
      const wheel = locked.lock.wheels[index];
      return wheel !== undefined && wants(wheel);
    });
  const user = { cacheDir, signal, ...userEnvironment(python) };
  const dependencies = await wheelLayers(
    store,
    files((wheel) => served.has(wheel.name) && wheel.local !== true),
    { ...user, createdBy: 'galley dependencies', onProgress: layerProgress(options) },
  );
  // Of the repository and beside it: they change with its commits, and no layer of others should change with them.
  const project = await oneLayer(
    store,
    files((wheel) => served.has(wheel.name) && wheel.local === true),
    { ...user, createdBy: 'galley project' },
  );
  const kernel = await oneLayer(
    store,
    files((wheel) => !served.has(wheel.name)),
    { ...user, createdBy: 'galley kernel' },
  );
  const tools = await wheelLayer(store, wheels.tools, {
    cacheDir,
    signal,
    ...toolsEnvironment(python),
    createdBy: 'galley tools',
  });
  const venv = await toolsVenv(cache, base, options.context);
  const runtime = await runtimeLayer(cache, options);
  return {
    base,
    locked,
    lockDigest: lockDigest(locked.lock.wheels),
    serving: [base.layer, ...systemLayers(base), ...dependencies, runtime.layer, ...project],
    running: [...kernel, venv.layer, tools],
    records: [
      record(
        'base',
        base.layer,
        base.cached,
        base.reproducible
          ? `base.lock ${base.suite}`
          : `Python ${base.pythonFull} of this machine on ${base.suite}`,
      ),
      ...systemLayers(base).map((layer) =>
        record('system', layer, base.system.cached, base.system.packages.map(({ name }) => name).join(', ')),
      ),
      ...dependencies.map((layer) => wheelRecord('dependencies', layer)),
      record('runtime', runtime.layer, runtime.cached, 'galley-runtime'),
      ...project.map((layer) => wheelRecord('project', layer)),
      ...[...kernel, tools].map((layer) => wheelRecord('tools', layer)),
    ],
  };
}

async function oneLayer(
  store: BuildContext['store'],
  files: readonly WheelFile[],
  options: Parameters<typeof wheelLayer>[2],
): Promise<readonly WheelLayer[]> {
  return files.length === 0 ? [] : [await wheelLayer(store, files, options)];
}

function record(role: string, layer: Layer, cached: boolean, from: string): LayerRecord {
  return { role, digest: layer.descriptor.digest, sizeBytes: layer.descriptor.size, cached, from };
}

function wheelRecord(role: string, layer: WheelLayer): LayerRecord {
  return record(role, layer, layer.cached, layer.packages.join(', '));
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

async function runtimeLayer(cache: LayerCache, { context }: PrepareOptions): Promise<CachedLayer> {
  const runtime = await packRuntime();
  return cache.getOrMake(stepKey({ runtime: runtime.sha256 }), () =>
    buildLayer(context.store, runtime.entries, { createdBy: 'galley runtime', signal: context.signal }),
  );
}
