import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import type { Layer } from '@galley/image/descriptor';
import type { ImageStore } from '@galley/image/store';
import { readTar } from '@galley/image/tar/read-tar';

/** What dpkg would say is installed in a base: apt resolves on top of it. */
export async function baseStatus(store: ImageStore, layer: Layer, signal?: AbortSignal): Promise<string> {
  const tar = createReadStream(store.blobPath(layer.descriptor.digest)).pipe(createGunzip());
  for await (const entry of readTar(tar, { entriesMax: 500_000, bytesMax: 8e9, special: 'skip' }, signal)) {
    if (entry.path !== 'var/lib/dpkg/status' || entry.content === undefined) continue;
    const chunks: Uint8Array[] = [];
    for await (const chunk of entry.content() as AsyncIterable<Uint8Array>) chunks.push(chunk);
    return Buffer.concat(chunks).toString('utf8');
  }
  throw new Error(`the base ${layer.descriptor.digest} has no list of its packages`);
}
