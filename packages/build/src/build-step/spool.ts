import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import type { TarContent, TarEntry } from '@galley/image/tar/entry';

/** Reads of this size and less are one call. */
const smallBytes = 1 << 20;

/** A content that lies in a spool. */
export interface Spooled {
  readonly content: TarContent;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
}

/**
 * Contents one after the other in one private file. A step changes ten thousands of small files; a file for each would cost more
 * than their bytes.
 */
export class Spool {
  readonly #file: FileHandle;
  readonly #path: string;
  #end = 0;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  /** Makes the file, which must not exist. */
  static async create(path: string): Promise<Spool> {
    return new Spool(path, await open(path, 'wx', 0o600));
  }

  /** Appends the content of an entry that is being read; `see` is shown it piece by piece. */
  async append({ content }: TarEntry, see?: (chunk: Uint8Array) => void): Promise<Spooled> {
    const offset = this.#end;
    const hash = createHash('sha256');
    // A reader of a tar streams; buffers are the writer's.
    for await (const chunk of (content?.() ?? []) as AsyncIterable<Uint8Array>) {
      see?.(chunk);
      hash.update(chunk);
      for (let done = 0; done < chunk.byteLength;)
        done += (await this.#file.write(chunk, done, chunk.byteLength - done, this.#end + done)).bytesWritten;
      this.#end += chunk.byteLength;
    }
    return { content: this.#content(offset, this.#end - offset), sha256: hash.digest('hex') };
  }

  /** Nothing is appended from here on; contents can still be read. */
  async close(): Promise<void> {
    await this.#file.close();
  }

  #content(offset: number, size: number): TarContent {
    const path = this.#path;
    return async function* () {
      const file = await open(path, 'r');
      try {
        for (let done = 0; done < size;) {
          const buffer = Buffer.allocUnsafe(Math.min(smallBytes, size - done));
          const { bytesRead } = await file.read(buffer, 0, buffer.length, offset + done);
          if (bytesRead === 0) return; // the writer of the tar sees that bytes are missing
          done += bytesRead;
          yield buffer.subarray(0, bytesRead);
        }
      } finally {
        await file.close();
      }
    };
  }
}
