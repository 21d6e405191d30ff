import type { Layer } from '@galley/image/descriptor';
import { buildLayer } from '@galley/image/layer/build-layer';
import type { WheelFile } from '@galley/image/wheel/wheel-fault';
import { wheelLayer, wheelLayers, type WheelLayer } from '@galley/image/wheel/wheel-layers';
import type { BuildContext, LayerRecord } from '../build.ts';
import { removeDamagedFile } from '../cache/repair.ts';
import { LayerCache, type CachedLayer } from '../cache/layer-cache.ts';
import { stepKey } from '../cache/record-cache.ts';
import { toolsEnvironment, userEnvironment } from '../layers/environments.ts';
import { packRuntime } from '../layers/runtime-layer.ts';
import { labRoots, toolsRoots } from '../lock/default-roots.ts';
import { lockDigest, type Lock, type LockedWheel } from '../lock/lock.ts';
import { Bases, type SystemBase } from './bases.ts';
import type { BuildWork } from './build-work.ts';
import { layerRecord } from './layer-record.ts';
import { lockAndFetch, type Wheels } from './lock-and-fetch.ts';
import type { LockedRecipe } from './lock-recipe.ts';
import { toolsVenv } from './toolchain.ts';

/** Everything of an image that does not depend on the repository's files: what a warm rebuild takes as it is. */
export interface Environment {
  readonly base: SystemBase;
  /** With the Python whose wheels were found. */
  readonly locked: LockedRecipe;
  readonly toolsLock: Lock;
  /** Of the whole lock: what decides a training. */
  readonly lockDigest: ReturnType<typeof lockDigest>;
  /** Base, dependencies, runtime, the project itself: the lower layers of every image. */
  readonly serving: readonly Layer[];
  /** The kernel and the notebook tools: environment images and workbenches only. */
  readonly running: readonly Layer[];
  readonly records: readonly LayerRecord[];
}

/** With the base and the forty layers of a large environment still below what container engines take (127). */
const labLayersMax = 16;

/** What the notebooks are for: tools that run them from end to end, or JupyterLab for a person. */
export type EnvironmentUse = 'run' | 'lab';

/** Makes or finds base, lock, wheels and their layers; base and lock side by side, since neither waits for the other. */
export async function prepareEnvironment(work: BuildWork, use: EnvironmentUse): Promise<Environment> {
  const { context, phases, recipe } = work;
  const failed = new AbortController();
  const signal = AbortSignal.any([context.signal, failed.signal]);
  const bases = new Bases(work, signal);
  // Most likely the one; where its pins have no wheel, the lock asks for another.
  bases.of(recipe.python.version).catch(() => undefined);
  try {
    const wheels = await lockAndFetch(work, bases, { roots: use === 'lab' ? labRoots : toolsRoots, signal });
    const base = await bases.of(wheels.locked.python.version);
    return await phases.run('layers', async (end) => {
      const environment = await layerAll(base, wheels, work, { use, signal }).catch(
        async (error: unknown) => {
          throw await removeDamagedFile(error, context.cacheDir);
        },
      );
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
  work: BuildWork,
  { use, signal }: { readonly use: EnvironmentUse; readonly signal: AbortSignal },
): Promise<Environment> {
  const { store, cacheDir } = work.context;
  const { locked } = wheels;
  const python = locked.python.version;
  const cache = new LayerCache(cacheDir, store);
  const served = new Set(locked.lock.serving);
  const files = (wants: (wheel: LockedWheel) => boolean): readonly WheelFile[] => {
    const wanted = new Set(locked.lock.wheels.filter(wants).map(({ sha256 }) => sha256));
    return wheels.user.filter(({ sha256 }) => wanted.has(sha256));
  };
  const user = { cacheDir, signal, ...userEnvironment(python) };
  const dependencies = await wheelLayers(
    store,
    files((wheel) => served.has(wheel.name) && wheel.local !== true),
    { ...user, createdBy: 'galley dependencies', onProgress: layerProgress(work) },
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
  const tools = await toolsLayers(wheels, work, use, { cacheDir, signal, ...toolsEnvironment(python) });
  const venv = await toolsVenv(cache, base, work.context);
  const runtime = await runtimeLayer(cache, work);
  return {
    base,
    locked,
    toolsLock: wheels.toolsLock,
    lockDigest: lockDigest(locked.lock.wheels),
    serving: [base.layer, ...base.system.layers, ...dependencies, runtime.layer, ...project],
    running: [...kernel, venv.layer, ...tools],
    records: [
      layerRecord(
        'base',
        base.layer,
        base.cached,
        base.reproducible
          ? `base.lock ${base.suite}`
          : `Python ${base.pythonFull} of this machine on ${base.suite}`,
      ),
      ...base.system.layers.map((layer) =>
        layerRecord(
          'system',
          layer,
          base.system.cached,
          base.system.packages.map(({ name }) => name).join(', '),
        ),
      ),
      ...dependencies.map((layer) => wheelRecord('dependencies', layer)),
      layerRecord('runtime', runtime.layer, runtime.cached, 'galley-runtime'),
      ...project.map((layer) => wheelRecord('project', layer)),
      ...[...kernel, ...tools].map((layer) => wheelRecord('tools', layer)),
    ],
  };
}

/** Of the few and small tools of a run one; JupyterLab's hundred packages share more, so that a new release of one does not move them all. */
function toolsLayers(
  { tools }: Wheels,
  work: BuildWork,
  use: EnvironmentUse,
  options: Omit<Parameters<typeof wheelLayer>[2], 'createdBy'>,
): Promise<readonly WheelLayer[]> {
  const { store } = work.context;
  const all = { ...options, createdBy: 'galley tools' };
  return use === 'run'
    ? oneLayer(store, tools, all)
    : wheelLayers(store, tools, { ...all, layersMax: labLayersMax, onProgress: layerProgress(work) });
}

async function oneLayer(
  store: BuildContext['store'],
  files: readonly WheelFile[],
  options: Parameters<typeof wheelLayer>[2],
): Promise<readonly WheelLayer[]> {
  return files.length === 0 ? [] : [await wheelLayer(store, files, options)];
}

function wheelRecord(role: string, layer: WheelLayer): LayerRecord {
  return layerRecord(role, layer, layer.cached, layer.packages.join(', '));
}

function layerProgress({
  context,
  object,
}: BuildWork): (done: number, total: number, packages: readonly string[]) => void {
  return (done, total, packages) => {
    const step = packages.slice(0, 3).join(', ');
    context.emit({ object, phase: 'layers', step, state: 'progress', unit: 'bytes', done, total });
  };
}

async function runtimeLayer(cache: LayerCache, { context }: BuildWork): Promise<CachedLayer> {
  const runtime = await packRuntime();
  return cache.getOrMake(stepKey({ runtime: runtime.sha256 }), () =>
    buildLayer(context.store, runtime.entries, { createdBy: 'galley runtime', signal: context.signal }),
  );
}
