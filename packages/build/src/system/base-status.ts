import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import type { Layer } from '@galley/image/descriptor';
import type { ImageStore } from '@galley/image/store';
import { readEntry } from '@galley/image/tar/read-entry';
import { readTar } from '@galley/image/tar/read-tar';

/** A thousand packages have a megabyte. */
const statusBytesMax = 64 * 1024 * 1024;

/** What dpkg would say is installed in a base: apt resolves on top of it. */
export async function baseStatus(store: ImageStore, layer: Layer, signal?: AbortSignal): Promise<string> {
  const tar = createReadStream(store.blobPath(layer.descriptor.digest)).pipe(createGunzip());
  for await (const entry of readTar(tar, { entriesMax: 500_000, bytesMax: 8e9, special: 'skip' }, signal)) {
    const status = entry.path === 'var/lib/dpkg/status' ? await readEntry(entry, statusBytesMax) : undefined;
    if (status !== undefined) return status.toString('utf8');
  }
  throw new Error(`the base ${layer.descriptor.digest} has no list of its packages`);
}
