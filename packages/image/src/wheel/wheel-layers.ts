import { availableParallelism } from 'node:os';
import type { Layer } from '../descriptor.ts';
import type { ImageStore } from '../store.ts';
import type { Environment } from './environment.ts';
import { LayerCache, layerKey, type KnownLayer } from './layer-cache.ts';
import { FileMap, type FileFact } from './merge-files.ts';
import { planWheelLayers, type WheelGroup } from './plan-wheel-layers.ts';
import { stitchLayer, type StitchedLayer } from './stitch-layer.ts';
import { stitchGroups } from './stitch-pool.ts';
import type { WheelFile } from './wheel-fault.ts';

export interface WheelLayerOptions extends Environment {
  /** Holds `wheel-layers/`: which wheels became which layer. */
  readonly cacheDir: string;
  /** Begins the line of the image's history; the packages follow. */
  readonly createdBy: string;
  readonly signal?: AbortSignal;
}

export interface WheelLayersOptions extends WheelLayerOptions {
  readonly layersMax?: number;
  /** See `PlanOptions`. */
  readonly partBytes?: number;
  /** Threads that stitch. Default: as many as there are processors, at most 4. */
  readonly threads?: number;
  /** Called when a layer is there: `done` of `total` bytes of wheels. */
  readonly onProgress?: (done: number, total: number, packages: readonly string[], cached: boolean) => void;
}

/** A layer of wheels and what a build wants to tell about it. */
export interface WheelLayer extends Layer {
  /** `numpy 2.4.6`, sorted. */
  readonly packages: readonly string[];
  /** True: nothing had to be stitched. */
  readonly cached: boolean;
}

/** Below this, starting a thread (50 ms) costs more than it brings. */
const threadBytesMin = 4 << 20;

function toLayer(known: KnownLayer, createdBy: string, cached: boolean): WheelLayer {
  const { descriptor, diffId, tarBytes, packages } = known;
  return { descriptor, diffId, tarBytes, packages, cached, createdBy: `${createdBy} ${packages.join(', ')}` };
}

/**
 * One layer from the given wheels, stitched unless the cache knows it. Throws `WHEEL_INVALID`,
 * `DIGEST_MISMATCH`, `DISK_FULL`.
 */
export async function wheelLayer(
  store: ImageStore,
  wheels: readonly WheelFile[],
  options: WheelLayerOptions,
): Promise<WheelLayer> {
  const environment = { prefix: options.prefix, pythonVersion: options.pythonVersion };
  const cache = new LayerCache(options.cacheDir);
  const key = layerKey({ wheels }, environment);
  const known = await cache.find(store, key);
  if (known !== undefined) return toLayer(known, options.createdBy, true);
  const layer = await stitchAside(store, wheels, environment, options.signal);
  await cache.save(key, layer);
  return toLayer(layer, options.createdBy, false);
}

/** In a thread of its own when it is much: a server that builds must go on answering. */
async function stitchAside(
  store: ImageStore,
  wheels: readonly WheelFile[],
  environment: Environment,
  signal: AbortSignal | undefined,
): Promise<StitchedLayer> {
  const groups = await planWheelLayers(wheels);
  const bytes = groups.reduce((sum, group) => sum + group.bytes, 0);
  if (bytes < threadBytesMin) return stitchLayer(store, wheels, environment, { signal });
  let result: StitchedLayer | undefined;
  await stitchGroups(store.root, [{ wheels, bytes }], environment, {
    threads: 1,
    ...(signal === undefined ? {} : { signal }),
    onLayer: async (_, layer) => {
      result = layer;
    },
  });
  if (result === undefined) throw new Error('a stitching thread ended without a layer');
  return result;
}

/** One run over a set of wheels. */
class WheelSet {
  readonly #store: ImageStore;
  readonly #options: WheelLayersOptions;
  readonly #environment: Environment;
  readonly #cache: LayerCache;
  readonly #files = new Map<string, readonly FileFact[]>();
  readonly #result: WheelLayer[] = [];
  readonly #groups: readonly WheelGroup[];
  readonly #keys: readonly string[];
  #done = 0;

  constructor(store: ImageStore, groups: readonly WheelGroup[], options: WheelLayersOptions) {
    this.#store = store;
    this.#options = options;
    this.#groups = groups;
    this.#environment = { prefix: options.prefix, pythonVersion: options.pythonVersion };
    this.#cache = new LayerCache(options.cacheDir);
    this.#keys = groups.map((group) => layerKey(group, this.#environment));
  }

  async run(): Promise<readonly WheelLayer[]> {
    const found = await Promise.all(this.#keys.map((key) => this.#cache.find(this.#store, key)));
    const unknown: number[] = [];
    for (const [index, known] of found.entries()) {
      if (known === undefined) unknown.push(index);
      else this.#finish(index, known, true);
    }
    await this.#stitch(unknown);
    await this.#checkHarmony();
    return this.#result;
  }

  async #stitch(unknown: readonly number[]): Promise<void> {
    const groups = unknown.map((index) => this.#group(index));
    const bytes = groups.reduce((sum, group) => sum + group.bytes, 0);
    const { signal } = this.#options;
    if (bytes < threadBytesMin) {
      for (const [position, group] of groups.entries()) {
        await this.#keep(
          unknown,
          position,
          await stitchLayer(this.#store, group.wheels, this.#environment, { signal, part: group.part }),
        );
      }
      return;
    }
    await stitchGroups(this.#store.root, groups, this.#environment, {
      threads: this.#options.threads ?? Math.min(4, availableParallelism()),
      ...(signal === undefined ? {} : { signal }),
      onLayer: (position, layer) => this.#keep(unknown, position, layer),
    });
  }

  async #keep(unknown: readonly number[], position: number, layer: StitchedLayer): Promise<void> {
    const index = unknown[position] ?? 0;
    const key = this.#keys[index] ?? '';
    this.#files.set(key, layer.files);
    await this.#cache.save(key, layer);
    this.#finish(index, layer, false);
  }

  #finish(index: number, layer: KnownLayer, cached: boolean): void {
    this.#result[index] = toLayer(layer, this.#options.createdBy, cached);
    this.#done += this.#group(index).bytes;
    const total = this.#groups.reduce((sum, group) => sum + group.bytes, 0);
    this.#options.onProgress?.(this.#done, total, layer.packages, cached);
  }

  /** Two layers must not bring different files at one path; a set that was looked at once is remembered. */
  async #checkHarmony(): Promise<void> {
    if (await this.#cache.isHarmonious(this.#keys)) return;
    const map = new FileMap<FileFact>();
    for (const key of this.#keys) {
      for (const file of this.#files.get(key) ?? (await this.#cache.files(key)) ?? []) map.add(file);
    }
    await this.#cache.saveHarmony(this.#keys);
  }

  #group(index: number): WheelGroup {
    return this.#groups[index] ?? { wheels: [], bytes: 0 };
  }
}

/**
 * The dependency layers of an image, bottom to top: `planWheelLayers`, then every layer from the cache or stitched, several at once in
 * threads, then a look for packages that overwrite each other. Throws `WHEEL_INVALID`, `DIGEST_MISMATCH`, `DISK_FULL`.
 */
export async function wheelLayers(
  store: ImageStore,
  wheels: readonly WheelFile[],
  options: WheelLayersOptions,
): Promise<readonly WheelLayer[]> {
  return new WheelSet(store, await planWheelLayers(wheels, options), options).run();
}
