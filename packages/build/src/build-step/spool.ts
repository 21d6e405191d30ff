import { open, type FileHandle } from 'node:fs/promises';
import type { TarContent } from '@galley/image/tar/entry';

/** Reads of this size and less are one call. */
const smallBytes = 1 << 20;

/** Where a content lies in a spool. */
export interface Extent {
  readonly offset: number;
  readonly size: number;
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

  /** Appends a content as it comes. */
  async append(source: AsyncIterable<Uint8Array>): Promise<Extent> {
    const offset = this.#end;
    for await (const chunk of source) {
      for (let done = 0; done < chunk.byteLength;)
        done += (await this.#file.write(chunk, done, chunk.byteLength - done, this.#end + done)).bytesWritten;
      this.#end += chunk.byteLength;
    }
    return { offset, size: this.#end - offset };
  }

  /** Nothing is appended from here on; contents can still be read. */
  async close(): Promise<void> {
    await this.#file.close();
  }

  content(extent: Extent): TarContent {
    const path = this.#path;
    return async function* () {
      const file = await open(path, 'r');
      try {
        for (let done = 0; done < extent.size;) {
          const buffer = Buffer.allocUnsafe(Math.min(smallBytes, extent.size - done));
          const { bytesRead } = await file.read(buffer, 0, buffer.length, extent.offset + done);
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
