import { constants, copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestHex } from '@galley/api/digest';
import type { Image } from '../image.ts';
import { requireLayer } from '../layer/require-layer.ts';
import type { ImageStore } from '../store.ts';
import type { TarEntry } from '../tar/entry.ts';
import { dockerArchiveEntries } from './docker-archive.ts';
import { ociLayoutEntries } from './oci-layout.ts';
import { writeArchive, writeBeside } from './write-archive.ts';

/** `oci`: a folder; the archives: a tar file. */
export type ExportFormat = 'oci' | 'oci-archive' | 'docker-archive';

export interface ExportOptions {
  readonly format: ExportFormat;
  /** The file or folder to make; it must not exist, or be an empty folder for `oci`. */
  readonly path: string;
  /** What the image is called in there: `iris:latest`. */
  readonly name: string;
  readonly signal?: AbortSignal;
}

async function writeFolder(
  store: ImageStore,
  image: Image,
  path: string,
  entries: readonly TarEntry[],
  signal?: AbortSignal,
): Promise<void> {
  await mkdir(join(path, 'blobs', 'sha256'), { recursive: true });
  for (const entry of entries) {
    const content = entry.content?.();
    if (Buffer.isBuffer(content)) await writeFile(join(path, entry.path), content);
  }
  const descriptors = [image.manifest.config, ...image.manifest.layers];
  for (const digest of new Set([image.digest, ...descriptors.map((one) => one.digest)])) {
    signal?.throwIfAborted();
    // A reflink where the file system has them; a hard link would let a change outside reach into the store.
    const target = join(path, 'blobs', 'sha256', digestHex(digest));
    await copyFile(store.blobPath(digest), target, constants.COPYFILE_FICLONE);
  }
}

/**
 * Writes an image for other tools, beside its place first and then renamed. Throws `EXPORT_EXISTS`, `BLOB_MISSING`, `DISK_FULL`; nothing
 * half-written is kept.
 */
export async function exportImage(store: ImageStore, image: Image, options: ExportOptions): Promise<void> {
  await writeBeside(options.path, async (temporary) => {
    for (const layer of image.layers) await requireLayer(store, layer.descriptor);
    if (options.format === 'oci') {
      const entries = await ociLayoutEntries(store, image, options.name);
      await writeFolder(store, image, temporary, entries, options.signal);
    } else {
      const entriesOf = options.format === 'docker-archive' ? dockerArchiveEntries : ociLayoutEntries;
      await writeArchive(temporary, await entriesOf(store, image, options.name), options.signal);
    }
  });
}
