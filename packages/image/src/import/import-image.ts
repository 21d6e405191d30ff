import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Digest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import type { ImageStore } from '../store.ts';
import { readTar } from '../tar/read-tar.ts';
import { importDockerArchive } from './docker-archive.ts';
import type { ImportReference } from './import-reference.ts';
import { copyFromLayout, digestOfPath, pickTagged, readLayoutIndex } from './layout-blobs.ts';

export interface ImportOptions {
  /** Private to the caller; an archive is unpacked there. */
  readonly workDir: string;
  /** Of a layout: every blob must lie in it, also one that the store has: whoever wrote it must not name what others have. Default false. */
  readonly whole?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Brings an image of another tool into the store and gives its digest; what is there already is not copied, unless it must be `whole`. It is not tagged. Throws
 * `IMAGE_NOT_FOUND`, `IMAGE_INVALID`, `BLOB_MISSING`, `DIGEST_MISMATCH`, `DISK_FULL`.
 */
export async function importImage(
  store: ImageStore,
  reference: ImportReference,
  options: ImportOptions,
): Promise<Digest> {
  const { path, tag } = reference;
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) {
    throw new GalleyError('IMAGE_NOT_FOUND', `There is nothing at ${path}.`, {
      hint: 'Give the folder of an OCI layout, or an archive of docker save.',
      details: { path },
    });
  }
  if (reference.format === 'oci') return copyTagged(store, path, reference, options);
  const source = createReadStream(path, { highWaterMark: 1 << 20 });
  if (reference.format === 'docker-archive') {
    const { signal } = options;
    return importDockerArchive(store, source, { path, tag, ...(signal === undefined ? {} : { signal }) });
  }
  await mkdir(options.workDir, { recursive: true });
  const folder = await mkdtemp(join(options.workDir, 'archive-'));
  try {
    await unpackLayoutArchive(source, folder, options.signal);
    return await copyTagged(store, folder, reference, options);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function copyTagged(
  store: ImageStore,
  folder: string,
  { tag, path }: ImportReference,
  options: ImportOptions,
): Promise<Digest> {
  const root = pickTagged(await readLayoutIndex(folder), tag, path);
  return copyFromLayout(store, folder, root, options);
}

/** The blobs and the index of an archived layout, under names that we make: what else it holds stays outside. */
async function unpackLayoutArchive(
  source: AsyncIterable<Uint8Array>,
  folder: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  await mkdir(join(folder, 'blobs', 'sha256'), { recursive: true });
  const limits = { entriesMax: 20_000, bytesMax: 2 ** 37, special: 'skip' } as const;
  for await (const entry of readTar(source, limits, signal)) {
    if (entry.type !== 'file' || entry.content === undefined) continue;
    const digest = digestOfPath(entry.path);
    if (digest === undefined && entry.path !== 'index.json') continue;
    const target = join(folder, digest === undefined ? 'index.json' : entry.path);
    const content = entry.content();
    if (Buffer.isBuffer(content)) await writeFile(target, content);
    else await pipeline(content, createWriteStream(target, { mode: 0o600 }));
  }
}
