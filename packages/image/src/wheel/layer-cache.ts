import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDigest, type Digest } from '@galley/api/digest';
import { canonicalJson } from '../canonical-json.ts';
import type { Descriptor } from '../descriptor.ts';
import { isMissing } from '../layout/disk-errors.ts';
import { openSealed, sealText } from '../sealed-text.ts';
import type { ImageStore } from '../store.ts';
import type { Environment } from './environment.ts';
import type { FileFact } from './merge-files.ts';
import type { StitchedLayer } from './stitch-layer.ts';
import type { WheelGroup } from './plan-wheel-layers.ts';

/** Raised whenever the bytes of a stitched layer change for the same wheels. */
const format = 1;
/** Raised whenever a wheel is cut otherwise into as many parts. */
const partFormat = 1;

/** A known layer, without its list of files: that is read only when conflicts must be looked for. */
export interface KnownLayer {
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
  readonly tarBytes: number;
  readonly packages: readonly string[];
}

/** Under what a set of wheels is remembered: everything that decides the layer's bytes, and nothing else. */
export function layerKey(
  { wheels, part }: Pick<WheelGroup, 'wheels' | 'part'>,
  environment: Environment,
): string {
  const own = part === undefined ? {} : { part: { format: partFormat, ...part } };
  const key = { format, ...environment, wheels: wheels.map((wheel) => wheel.sha256).sort(), ...own };
  return createHash('sha256').update(canonicalJson(key)).digest('hex');
}

/**
 * Which wheels became which layer. Records are written beside and renamed, without fsync, and sealed: one that a power cut emptied or a
 * disk altered reads as unknown and is made again. A record whose blob has left the store is unknown too.
 */
export class LayerCache {
  readonly #folder: string;

  constructor(cacheDir: string) {
    this.#folder = join(cacheDir, 'wheel-layers');
  }

  async find(store: ImageStore, key: string): Promise<KnownLayer | undefined> {
    const value = await this.#read(`${key}.record`);
    if (!isKnownLayer(value) || !(await store.has(value.descriptor.digest))) return undefined;
    return value;
  }

  /** The files of a known layer. */
  async files(key: string): Promise<readonly FileFact[] | undefined> {
    const value = await this.#read(`${key}.files.record`);
    // Written by `save` below, next to a record that was checked.
    return Array.isArray(value) ? (value as readonly FileFact[]) : undefined;
  }

  async save(key: string, layer: StitchedLayer): Promise<void> {
    const { descriptor, diffId, tarBytes, packages, files } = layer;
    await this.#write(`${key}.files.record`, files);
    await this.#write(`${key}.record`, {
      schema: 'galley.dev/wheel-layer/v1',
      descriptor,
      diffId,
      tarBytes,
      packages,
    });
  }

  /** True when this set of layers was once found to be without conflicts. */
  async isHarmonious(keys: readonly string[]): Promise<boolean> {
    return (await this.#read(harmonyName(keys))) !== undefined;
  }

  async saveHarmony(keys: readonly string[]): Promise<void> {
    await this.#write(harmonyName(keys), { schema: 'galley.dev/wheel-harmony/v1', layers: keys.length });
  }

  async #read(name: string): Promise<unknown> {
    try {
      const text = openSealed(name, await readFile(join(this.#folder, name), 'utf8'));
      return text === undefined ? undefined : JSON.parse(text);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async #write(name: string, value: unknown): Promise<void> {
    const temporary = join(this.#folder, `${randomUUID()}.part`);
    try {
      await mkdir(this.#folder, { recursive: true });
      await writeFile(temporary, sealText(name, JSON.stringify(value)));
      await rename(temporary, join(this.#folder, name));
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }
}

function harmonyName(keys: readonly string[]): string {
  return `${createHash('sha256').update(keys.toSorted().join('\n')).digest('hex')}.harmony.record`;
}

function isKnownLayer(value: unknown): value is KnownLayer {
  if (typeof value !== 'object' || value === null) return false;
  if (!('diffId' in value && 'descriptor' in value && 'tarBytes' in value && 'packages' in value))
    return false;
  const { descriptor } = value;
  return (
    typeof value.diffId === 'string' &&
    isDigest(value.diffId) &&
    typeof value.tarBytes === 'number' &&
    Array.isArray(value.packages) &&
    typeof descriptor === 'object' &&
    descriptor !== null &&
    'digest' in descriptor &&
    typeof descriptor.digest === 'string' &&
    isDigest(descriptor.digest)
  );
}
