import { createReadStream } from 'node:fs';
import { canonicalJson } from '../canonical-json.ts';
import type { Descriptor } from '../descriptor.ts';
import type { Image } from '../image.ts';
import { refName } from '../layout/tag-index.ts';
import { mediaType } from '../media-type.ts';
import type { ImageStore } from '../store.ts';
import { directoryEntry, fileEntry, type TarEntry } from '../tar/entry.ts';
import { stat } from 'node:fs/promises';
import { digestHex } from '@galley/api/digest';

/** A blob that lies at `from` as a file in an archive. */
export function blobEntry(from: string, path: string, size: number): TarEntry {
  const content = (): AsyncIterable<Uint8Array> => createReadStream(from, { highWaterMark: 1 << 20 });
  return { path, type: 'file', mode: 0o644, size, content };
}

/** An OCI image layout with this one image, as entries of a tar (image-spec, image-layout.md). */
export async function ociLayoutEntries(
  store: ImageStore,
  image: Pick<Image, 'digest' | 'manifest'>,
  name: string,
): Promise<TarEntry[]> {
  const { size } = await stat(store.blobPath(image.digest));
  const root: Descriptor = { mediaType: image.manifest.mediaType, digest: image.digest, size };
  const blobs = [root, image.manifest.config, ...image.manifest.layers];
  return layoutEntries(
    root,
    name,
    blobs.map((blob) => ({ ...blob, path: store.blobPath(blob.digest) })),
  );
}

/** A layout whose index names one manifest. A blob that occurs twice is there once; `path` is where it lies now. */
export function layoutEntries(
  root: Descriptor,
  name: string,
  blobs: readonly (Pick<Descriptor, 'digest' | 'size'> & { readonly path: string })[],
): TarEntry[] {
  const manifest: Descriptor = { ...root, annotations: { [refName]: name } };
  const index = { schemaVersion: 2, mediaType: mediaType.index, manifests: [manifest] };
  return [
    fileEntry('oci-layout', canonicalJson({ imageLayoutVersion: '1.0.0' })),
    fileEntry('index.json', canonicalJson(index)),
    directoryEntry('blobs'),
    directoryEntry('blobs/sha256'),
    ...[...new Map(blobs.map((blob) => [blob.digest, blob])).values()].map((blob) =>
      blobEntry(blob.path, `blobs/sha256/${digestHex(blob.digest)}`, blob.size),
    ),
  ];
}
