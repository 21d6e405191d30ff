import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDigest, type Digest } from '@galley/api/digest';
import { isObject } from '@galley/api/json-object';
import { replaceFile } from '../layout/replace-file.ts';
import type { ImageStore } from '../store.ts';
import { isRepository } from './reference.ts';

/** Old entries go first: what was last seen is most likely still there. */
const entriesMax = 20_000;

/**
 * In which repository of a registry a blob was last seen: where to mount it from. Only a hint, kept beside the blobs (`places/`): a wrong one
 * costs nothing but an upload, so writers need no lock, and a file that cannot be read counts as empty.
 */
export class KnownPlaces {
  readonly #store: ImageStore;
  readonly #path: string;
  readonly #places: Map<Digest, string>;
  #changed = false;

  private constructor(store: ImageStore, path: string, places: Map<Digest, string>) {
    this.#store = store;
    this.#path = path;
    this.#places = places;
  }

  static async open(store: ImageStore, registry: string): Promise<KnownPlaces> {
    const path = join(store.root, 'places', `${encodeURIComponent(registry)}.json`);
    const text = await readFile(path, 'utf8').catch(() => '{}');
    return new KnownPlaces(store, path, read(text));
  }

  find(digest: Digest): string | undefined {
    return this.#places.get(digest);
  }

  add(digest: Digest, repository: string): void {
    if (this.#places.get(digest) === repository) return;
    this.#places.delete(digest);
    this.#places.set(digest, repository);
    this.#changed = true;
  }

  async save(): Promise<void> {
    if (!this.#changed) return;
    const blobs = Object.fromEntries([...this.#places].slice(-entriesMax));
    await mkdir(join(this.#store.root, 'places'), { recursive: true });
    const file = { schema: 'galley.dev/known-places/v1', blobs };
    await replaceFile(this.#path, `${JSON.stringify(file)}\n`, join(this.#store.root, 'ingest'));
    this.#changed = false;
  }
}

function read(text: string): Map<Digest, string> {
  const places = new Map<Digest, string>();
  try {
    const file: unknown = JSON.parse(text);
    const blobs = isObject(file) && isObject(file['blobs']) ? file['blobs'] : {};
    for (const [digest, repository] of Object.entries(blobs)) {
      if (isDigest(digest) && typeof repository === 'string' && isRepository(repository))
        places.set(digest, repository);
    }
  } catch {
    // A hint that cannot be read is none.
  }
  return places;
}
