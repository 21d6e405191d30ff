import { createReadStream } from 'node:fs';
import { canonicalJson } from '../canonical-json.ts';
import type { Descriptor } from '../descriptor.ts';
import type { Image } from '../image.ts';
import { refName } from '../layout/tag-index.ts';
import { mediaType } from '../media-type.ts';
import type { ImageStore } from '../store.ts';
import { directoryEntry, fileEntry, type TarEntry } from '../tar/entry.ts';
import { stat } from 'node:fs/promises';
import { digestHex, type Digest } from '@galley/api/digest';

/** The blob of the store as a file in an archive. */
export function blobEntry(store: ImageStore, path: string, blob: { digest: Digest; size: number }): TarEntry {
  const content = (): AsyncIterable<Uint8Array> =>
    createReadStream(store.blobPath(blob.digest), { highWaterMark: 1 << 20 });
  return { path, type: 'file', mode: 0o644, size: blob.size, content };
}

/** An OCI image layout with this one image, as entries of a tar (image-spec, image-layout.md). A layer that occurs twice is there once. */
export async function ociLayoutEntries(store: ImageStore, image: Image, name: string): Promise<TarEntry[]> {
  const { size } = await stat(store.blobPath(image.digest));
  const manifest: Descriptor = {
    mediaType: image.manifest.mediaType,
    digest: image.digest,
    size,
    annotations: { [refName]: name },
  };
  const index = { schemaVersion: 2, mediaType: mediaType.index, manifests: [manifest] };
  const blobs = new Map<Digest, number>([
    [manifest.digest, manifest.size],
    [image.manifest.config.digest, image.manifest.config.size],
  ]);
  for (const layer of image.manifest.layers) blobs.set(layer.digest, layer.size);
  return [
    fileEntry('oci-layout', canonicalJson({ imageLayoutVersion: '1.0.0' })),
    fileEntry('index.json', canonicalJson(index)),
    directoryEntry('blobs'),
    directoryEntry('blobs/sha256'),
    ...[...blobs].map(([digest, bytes]) =>
      blobEntry(store, `blobs/sha256/${digestHex(digest)}`, { digest, size: bytes }),
    ),
  ];
}
