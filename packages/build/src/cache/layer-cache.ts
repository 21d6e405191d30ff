import type { Layer } from '@galley/image/descriptor';
import type { ImageStore } from '@galley/image/store';
import { RecordCache } from './record-cache.ts';

/** A layer and whether it was made just now. */
export interface CachedLayer {
  readonly layer: Layer;
  readonly cached: boolean;
}

/** Layers by the key of what made them. A layer whose blob has left the store is made again. */
export class LayerCache {
  readonly #records: RecordCache<Layer>;
  readonly #store: ImageStore;

  constructor(cacheDir: string, store: ImageStore) {
    this.#records = new RecordCache(cacheDir, 'layers');
    this.#store = store;
  }

  async get(key: string): Promise<Layer | undefined> {
    const layer = await this.#records.get(key);
    return layer !== undefined && (await this.#store.has(layer.descriptor.digest)) ? layer : undefined;
  }

  async getOrMake(key: string, make: () => Promise<Layer>): Promise<CachedLayer> {
    const known = await this.get(key);
    if (known !== undefined) return { layer: known, cached: true };
    const layer = await make();
    await this.#records.set(key, layer);
    return { layer, cached: false };
  }
}
