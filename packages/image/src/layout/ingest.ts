import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '@galley/api/digest';
import { digestHex } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Descriptor } from '../descriptor.ts';
import { diskError } from './disk-errors.ts';
import { syncFolder } from './replace-file.ts';

/** Writes smaller than this are gathered: one system call per mebibyte instead of one per tar header. */
const gatherBytes = 1 << 20;

/** What `ImageStore.write` is told. */
export interface IngestOptions {
  readonly mediaType: string;
  readonly expect?: Digest;
  readonly signal?: AbortSignal;
}

/** The file of a blob in a layout. */
export function blobFile(root: string, digest: Digest): string {
  return join(root, 'blobs', 'sha256', digestHex(digest));
}

/**
 * Gathers small chunks in one buffer, hashes and writes them; the bytes are only a blob once they are renamed. Chunks are copied, so a source may
 * use its own buffer again as soon as it is asked for more: a stitched layer is 50,000 small chunks, and keeping each alive costs more than copying.
 */
class BlobWriter {
  readonly #handle: FileHandle;
  readonly #hash = createHash('sha256');
  readonly #gathered = Buffer.allocUnsafe(gatherBytes);
  #used = 0;
  size = 0;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async add(chunk: Uint8Array): Promise<void> {
    if (this.#used + chunk.byteLength > gatherBytes) await this.flush();
    if (chunk.byteLength > gatherBytes) {
      await this.#write(chunk);
      return;
    }
    this.#gathered.set(chunk, this.#used);
    this.#used += chunk.byteLength;
  }

  async flush(): Promise<void> {
    if (this.#used === 0) return;
    await this.#write(this.#gathered.subarray(0, this.#used));
    this.#used = 0;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    this.#hash.update(bytes);
    this.size += bytes.byteLength;
    for (let done = 0; done < bytes.byteLength;) {
      done += (await this.#handle.write(bytes, done)).bytesWritten;
    }
  }

  digest(): Digest {
    return `sha256:${this.#hash.digest('hex')}`;
  }
}

async function drain(
  source: AsyncIterable<Uint8Array> | Uint8Array,
  writer: BlobWriter,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (source instanceof Uint8Array) {
    await writer.add(source);
  } else {
    for await (const chunk of source) {
      signal?.throwIfAborted();
      await writer.add(chunk);
    }
  }
  await writer.flush();
  signal?.throwIfAborted();
}

/** Puts the finished file in place, unless the same bytes already lie there. */
async function place(root: string, temporary: string, digest: Digest): Promise<void> {
  const target = blobFile(root, digest);
  const existing = await stat(target).catch(() => undefined);
  if (existing === undefined) {
    await rename(temporary, target);
    await syncFolder(join(root, 'blobs', 'sha256'));
  } else {
    await rm(temporary, { force: true });
  }
}

/**
 * Writes one blob: `ingest/<uuid>` → fdatasync → digest verified → rename → fsync of the folder (engine.md §2). Whatever fails, the
 * half-written file is removed; after `kill -9` the next owner's wipe removes it. Throws `DIGEST_MISMATCH`, `DISK_FULL`.
 */
export async function ingest(
  root: string,
  source: AsyncIterable<Uint8Array> | Uint8Array,
  options: IngestOptions,
): Promise<Descriptor> {
  const temporary = join(root, 'ingest', randomUUID());
  try {
    options.signal?.throwIfAborted();
    await mkdir(join(root, 'ingest'), { recursive: true });
    const handle = await open(temporary, 'wx', 0o644);
    const writer = new BlobWriter(handle);
    try {
      await drain(source, writer, options.signal);
      await handle.datasync();
    } finally {
      await handle.close();
    }
    const digest = writer.digest();
    if (options.expect !== undefined && options.expect !== digest) {
      throw new GalleyError('DIGEST_MISMATCH', `Expected ${options.expect}, but the bytes are ${digest}.`, {
        hint: 'Try again; if the same digest fails again, do not trust where it comes from.',
        details: { expected: options.expect, actual: digest, bytes: writer.size },
      });
    }
    await place(root, temporary, digest);
    return { mediaType: options.mediaType, digest, size: writer.size };
  } catch (error) {
    await rm(temporary, { force: true });
    throw diskError(error, root);
  }
}
