import { randomUUID } from 'node:crypto';
import { constants, copyFile, mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { digestHex } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Image } from '../image.ts';
import { requireLayer } from '../layer/require-layer.ts';
import { diskError, isMissing } from '../layout/disk-errors.ts';
import type { ImageStore } from '../store.ts';
import type { TarEntry } from '../tar/entry.ts';
import { orderEntries } from '../tar/order.ts';
import { writeTar } from '../tar/write-tar.ts';
import { dockerArchiveEntries } from './docker-archive.ts';
import { ociLayoutEntries } from './oci-layout.ts';

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

async function writeArchive(path: string, entries: readonly TarEntry[], signal?: AbortSignal): Promise<void> {
  const handle = await open(path, 'wx', 0o644);
  try {
    for await (const chunk of writeTar(orderEntries(entries), signal)) {
      for (let done = 0; done < chunk.byteLength;) done += (await handle.write(chunk, done)).bytesWritten;
    }
    await handle.datasync();
  } finally {
    await handle.close();
  }
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

/** Throws unless nothing is at the path, or an empty folder. */
async function checkTarget(path: string): Promise<void> {
  try {
    if ((await readdir(path)).length === 0) return;
  } catch (error) {
    if (isMissing(error)) return;
  }
  throw new GalleyError('EXPORT_EXISTS', `${path} exists already.`, {
    hint: `Give another path, or remove it first: rm -r ${path}`,
    details: { path },
  });
}

/**
 * Writes an image for other tools, beside its place first and then renamed. Throws `EXPORT_EXISTS`, `BLOB_MISSING`, `DISK_FULL`; nothing
 * half-written is kept.
 */
export async function exportImage(store: ImageStore, image: Image, options: ExportOptions): Promise<void> {
  await checkTarget(options.path);
  for (const layer of image.layers) await requireLayer(store, layer.descriptor);
  const folder = dirname(options.path);
  const temporary = join(folder, `.galley-${randomUUID()}`);
  try {
    await mkdir(folder, { recursive: true });
    if (options.format === 'oci') {
      const entries = await ociLayoutEntries(store, image, options.name);
      await writeFolder(store, image, temporary, entries, options.signal);
    } else {
      const entriesOf = options.format === 'docker-archive' ? dockerArchiveEntries : ociLayoutEntries;
      await writeArchive(temporary, await entriesOf(store, image, options.name), options.signal);
    }
    await rename(temporary, options.path);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw diskError(error, folder);
  }
}
