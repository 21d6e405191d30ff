import { createHash } from 'node:crypto';
import type { Layer } from '../descriptor.ts';
import { mediaType } from '../media-type.ts';
import type { ImageStore } from '../store.ts';
import type { TarEntry } from '../tar/entry.ts';
import { orderEntries } from '../tar/order.ts';
import type { Whiteout } from '../tar/whiteout.ts';
import { writeTar } from '../tar/write-tar.ts';
import { deterministicGzip } from './deterministic-gzip.ts';

export interface BuildLayerOptions {
  /** The line of the image's history. */
  readonly createdBy: string;
  /** What the layer takes away from those below it. */
  readonly whiteouts?: readonly Whiteout[];
  readonly signal?: AbortSignal;
}

/**
 * Entries → a layer in the store. The entries may come in any order and without their parents (`orderEntries`); contents are read one
 * after the other, so a layer may be larger than memory. The same entries give the same digest, whatever order they came in. Throws `IMAGE_INVALID`
 * (a path twice, a file that changed), `DISK_FULL`.
 */
export async function buildLayer(
  store: ImageStore,
  entries: Iterable<TarEntry> | AsyncIterable<TarEntry>,
  options: BuildLayerOptions,
): Promise<Layer> {
  const all: TarEntry[] = [];
  for await (const entry of entries) all.push(entry);
  const diff = createHash('sha256');
  let tarBytes = 0;
  async function* measured(): AsyncGenerator<Buffer> {
    for await (const chunk of writeTar(orderEntries(all, options.whiteouts), options.signal)) {
      diff.update(chunk);
      tarBytes += chunk.byteLength;
      yield chunk;
    }
  }
  const descriptor = await store.write(deterministicGzip(measured(), options.signal), {
    mediaType: mediaType.layer,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  return { descriptor, diffId: `sha256:${diff.digest('hex')}`, createdBy: options.createdBy, tarBytes };
}
