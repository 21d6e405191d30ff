import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { RandomAccessReader } from 'yauzl';

const windowBytes = 1 << 20;

/**
 * Random reads of one file through a window of 1 MiB. Synchronous: a zip is thousands of tiny reads, mostly in order, and each trip
 * through the thread pool would cost more than the read. Callers run in a worker or do little.
 */
export class ZipFile {
  readonly path: string;
  readonly size: number;
  readonly #file: number;
  readonly #window = Buffer.allocUnsafe(windowBytes);
  #start = 0;
  #length = 0;

  constructor(path: string) {
    this.path = path;
    this.#file = openSync(path, 'r');
    this.size = fstatSync(this.#file).size;
  }

  close(): void {
    closeSync(this.#file);
  }

  /**
   * Bytes at a position; fewer only at the end of the file. The result may share the window: it is good until the next read, copy it to keep it.
   */
  read(position: number, length: number): Buffer {
    if (length > windowBytes) return this.readCopy(position, length);
    const inside = position >= this.#start && position + length <= this.#start + this.#length;
    if (!inside) {
      this.#start = position;
      this.#length = readFully(this.#file, this.#window, position);
    }
    const from = position - this.#start;
    return this.#window.subarray(from, Math.min(from + length, this.#length));
  }

  /** Bytes in a buffer of their own. */
  readCopy(position: number, length: number): Buffer {
    return this.readInto(Buffer.allocUnsafe(length), position);
  }

  /** As many bytes as `into` holds, in its memory; fewer only at the end of the file. */
  readInto(into: Buffer, position: number): Buffer {
    return into.subarray(0, readFully(this.#file, into, position));
  }
}

function readFully(file: number, into: Buffer, position: number): number {
  let done = 0;
  while (done < into.byteLength) {
    const count = readSync(file, into, done, into.byteLength - done, position + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}

/** The file as yauzl wants it. It is not closed by yauzl. */
export class ZipFileReader extends RandomAccessReader {
  readonly #file: ZipFile;

  constructor(file: ZipFile) {
    super();
    this.#file = file;
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void,
  ): void {
    const bytes = this.#file.read(position, length);
    if (bytes.byteLength < length) {
      callback(new Error('unexpected end of file'));
      return;
    }
    bytes.copy(buffer, offset);
    callback(null);
  }
}
