import { createHash } from 'node:crypto';
import { mkdir, open, rename, rm, utimes, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { digestHex, type Digest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import { diskError, isMissing } from './disk-errors.ts';
import { ingestFile } from './ingest-file.ts';
import { syncFolder } from './replace-file.ts';

/** Writes smaller than this are gathered: one system call per mebibyte instead of one per tar header. */
const gatherBytes = 1 << 20;

/** The file of a blob in a layout. */
export function blobFile(root: string, digest: Digest): string {
  return join(root, 'blobs', 'sha256', digestHex(digest));
}

/** Where a blob lies while pruning looks at it for the last time (`../prune/prune-store.ts`): it may come back in a moment. */
export function asideFile(root: string, digest: Digest): string {
  return join(root, 'ingest', `pruned-${digestHex(digest)}`);
}

/**
 * A blob that is being written: a file in `ingest/` and its running hash. It becomes a blob by `commit`: fdatasync → digest verified → rename →
 * fsync of the folder (engine.md §2), and nothing by `discard`; after `kill -9` the next owner's wipe removes it. Chunks are gathered by copying,
 * so a source may use its own buffer again as soon as it is asked for more: a stitched layer is 50,000 small chunks, and keeping each alive costs more.
 */
export class PendingBlob {
  readonly #root: string;
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #hash = createHash('sha256');
  readonly #gathered = Buffer.allocUnsafe(gatherBytes);
  #used = 0;
  #size = 0;

  private constructor(root: string, path: string, handle: FileHandle) {
    this.#root = root;
    this.#path = path;
    this.#handle = handle;
  }

  /** Throws `DISK_FULL`. */
  static async open(root: string): Promise<PendingBlob> {
    const path = ingestFile(join(root, 'ingest'));
    try {
      await mkdir(join(root, 'ingest'), { recursive: true });
      return new PendingBlob(root, path, await open(path, 'wx', 0o644));
    } catch (error) {
      throw diskError(error, root);
    }
  }

  /** Bytes so far. */
  get size(): number {
    return this.#size + this.#used;
  }

  /** One call after the other. Throws `DISK_FULL`. */
  async add(chunk: Uint8Array): Promise<void> {
    if (this.#used + chunk.byteLength > gatherBytes) await this.#flush();
    if (chunk.byteLength > gatherBytes) {
      await this.#write(chunk);
      return;
    }
    this.#gathered.set(chunk, this.#used);
    this.#used += chunk.byteLength;
  }

  /** Makes it a blob; with `expect` only if that is its digest. Whatever comes of it, nothing more can be added. Throws `DIGEST_MISMATCH`, `DISK_FULL`. */
  async commit(expect?: Digest): Promise<{ readonly digest: Digest; readonly size: number }> {
    try {
      await this.#flush();
      await this.#handle.datasync();
      await this.#handle.close();
      const digest: Digest = `sha256:${this.#hash.digest('hex')}`;
      if (expect !== undefined && expect !== digest) throw this.#mismatch(expect, digest);
      await place(this.#root, this.#path, digest);
      return { digest, size: this.#size };
    } catch (error) {
      await this.discard();
      throw diskError(error, this.#root);
    }
  }

  /** Takes it away; harmless after `commit`. */
  async discard(): Promise<void> {
    // Closing twice is refused by Node, and that is all right here.
    await this.#handle.close().catch(() => undefined);
    await rm(this.#path, { force: true });
  }

  async #flush(): Promise<void> {
    if (this.#used === 0) return;
    const bytes = this.#gathered.subarray(0, this.#used);
    this.#used = 0;
    await this.#write(bytes);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    this.#hash.update(bytes);
    this.#size += bytes.byteLength;
    try {
      for (let done = 0; done < bytes.byteLength;) {
        done += (await this.#handle.write(bytes, done)).bytesWritten;
      }
    } catch (error) {
      throw diskError(error, this.#root);
    }
  }

  #mismatch(expected: Digest, actual: Digest): GalleyError {
    return new GalleyError('DIGEST_MISMATCH', `Expected ${expected}, but the bytes are ${actual}.`, {
      hint: 'Try again; if the same digest fails again, do not trust where it comes from.',
      details: { expected, actual, bytes: this.#size },
    });
  }
}

/** Puts the finished file in place, unless the same bytes already lie there. */
async function place(root: string, temporary: string, digest: Digest): Promise<void> {
  const target = blobFile(root, digest);
  const isKnown = await utimesNow(target);
  if (!isKnown) {
    await rename(temporary, target);
    await syncFolder(join(root, 'blobs', 'sha256'));
  } else {
    await rm(temporary, { force: true });
  }
}

/** Marks a blob as used now, so that it is not pruned under whoever just wrote it again. False: it is not there. */
async function utimesNow(path: string): Promise<boolean> {
  const now = new Date();
  return utimes(path, now, now).then(
    () => true,
    (error: unknown) => {
      if (isMissing(error)) return false;
      // A store whose files belong to somebody else: known all the same.
      return true;
    },
  );
}
