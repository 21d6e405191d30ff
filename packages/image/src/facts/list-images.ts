import type { Digest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import { readImage } from '../assemble/read-image.ts';
import type { ImageStore } from '../store.ts';

/** One tag of the store and the image behind it. */
export interface ImageFacts {
  readonly name: string;
  readonly digest: Digest;
  /** When the tag was last moved, RFC 3339. */
  readonly taggedAt: string;
  readonly layers: number;
  /** Compressed bytes of configuration and layers; what it costs to move the image. */
  readonly sizeBytes: number;
  /** Uncompressed bytes of the layers; 0 where it is not known of each. */
  readonly unpackedBytes: number;
  readonly architecture: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Why the image cannot be read, where it cannot; the numbers are then 0. */
  readonly broken?: string;
}

async function factsOf(
  store: ImageStore,
  name: string,
  digest: Digest,
  taggedAt: string,
): Promise<ImageFacts> {
  const none = { layers: 0, sizeBytes: 0, unpackedBytes: 0, architecture: '', labels: {} };
  try {
    const image = await readImage(store, digest);
    const known = image.layers.every((layer) => layer.tarBytes > 0);
    return {
      name,
      digest,
      taggedAt,
      layers: image.layers.length,
      sizeBytes: image.layers.reduce((sum, layer) => sum + layer.descriptor.size, image.manifest.config.size),
      unpackedBytes: known ? image.layers.reduce((sum, layer) => sum + layer.tarBytes, 0) : 0,
      architecture: image.config.architecture,
      labels: image.config.config.Labels ?? {},
    };
  } catch (error) {
    if (!(error instanceof GalleyError)) throw error;
    return { name, digest, taggedAt, ...none, broken: error.message };
  }
}

/** Every tag, sorted by name. An image that cannot be read is listed as broken rather than hiding the others. */
export async function listImages(store: ImageStore): Promise<readonly ImageFacts[]> {
  const facts: ImageFacts[] = [];
  for (const { name, history } of await store.tags()) {
    const last = history.at(-1);
    if (last !== undefined) facts.push(await factsOf(store, name, last.digest, last.time));
  }
  return facts;
}
