import { crc32, createInflateRaw, inflateRawSync, type InflateRaw } from 'node:zlib';
import { wheelFault } from './wheel-fault.ts';
import type { ZipEntry } from './zip-directory.ts';
import type { ZipFile } from './zip-file.ts';

const localSignature = 0x04034b50;
/** Files up to this size are inflated in one call; larger ones stream. */
export const inflateAtOnceMax: number = 8 << 20;
/** Small, for what streams through is garbage until the collector comes, and its memory counts (3 GB of torch's wheels). */
const pieceBytes = 256 << 10;

/** Where the data of an entry begins. The local header must tell the same name as the directory: two readers must not see two files. */
export function dataOffset(file: ZipFile, entry: ZipEntry): number {
  const header = file.read(entry.offset, 30);
  if (header.byteLength < 30 || header.readUInt32LE(0) !== localSignature) {
    throw wheelFault(file.path, `has no file header for ${entry.name}`, { name: entry.name });
  }
  const nameBytes = header.readUInt16LE(26);
  const start = entry.offset + 30 + nameBytes + header.readUInt16LE(28);
  if (file.read(entry.offset + 30, nameBytes).toString('utf8') !== entry.name) {
    throw wheelFault(file.path, `tells two names for ${entry.name}`, { name: entry.name });
  }
  if (start + entry.compressedSize > file.size) {
    throw wheelFault(file.path, `is cut short in ${entry.name}`, { name: entry.name });
  }
  return start;
}

/** The compressed bytes of an entry; may share the file's window, good until its next read. */
export function rawData(file: ZipFile, entry: ZipEntry): Buffer {
  return file.read(dataOffset(file, entry), entry.compressedSize);
}

/** The compressed bytes of a large entry in pieces; all in one buffer, so a piece is good until the next is asked for. */
export function* rawPieces(file: ZipFile, entry: ZipEntry): Generator<Buffer> {
  const start = dataOffset(file, entry);
  const buffer = Buffer.allocUnsafe(Math.min(pieceBytes, entry.compressedSize));
  for (let done = 0; done < entry.compressedSize; done += pieceBytes) {
    yield file.readInto(buffer.subarray(0, entry.compressedSize - done), start + done);
  }
}

function corrupt(file: ZipFile, entry: ZipEntry, cause?: unknown): Error {
  return wheelFault(file.path, `is damaged in ${entry.name}`, { name: entry.name }, cause);
}

/** The content of an entry from its raw bytes, size and CRC checked. Only for entries up to `inflateAtOnceMax`. */
export function inflateEntry(file: ZipFile, entry: ZipEntry, raw: Buffer): Buffer {
  let content = raw;
  if (entry.deflated) {
    // Room for one byte too many, so that a size that lies is seen, and no more, so that it costs nothing.
    const room = entry.size + 64;
    try {
      const { buffer, engine } = inflate(raw, room);
      // Bytes behind the end of the deflate stream would break the gzip member that is made of it.
      if (engine.bytesWritten !== raw.byteLength) throw new Error('bytes after the end of the stream');
      content = buffer;
    } catch (error) {
      throw corrupt(file, entry, error);
    }
  }
  if (content.byteLength !== entry.size || crc32(content) !== entry.crc) throw corrupt(file, entry);
  return content;
}

interface InflateResult {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

function inflate(raw: Buffer, room: number): InflateResult {
  // With `info` zlib returns this pair; @types/node says Buffer for every set of options.
  const options = { info: true, chunkSize: room, maxOutputLength: room };
  return inflateRawSync(raw, options) as unknown as InflateResult;
}

function* copies(pieces: Iterable<Buffer>): Generator<Buffer> {
  for (const piece of pieces) yield Buffer.from(piece);
}

/** Gives it a piece when it has done with the one before. */
async function feed(inflater: InflateRaw, pieces: Iterable<Buffer>): Promise<void> {
  for (const piece of pieces) {
    await new Promise<void>((resolve, reject) => {
      inflater.write(piece, (error) => (error === null || error === undefined ? resolve() : reject(error)));
    });
  }
  inflater.end();
}

/** The content of a large entry as a stream of chunks, size and CRC checked at its end. Each chunk has a buffer of its own. */
export async function* inflatePieces(file: ZipFile, entry: ZipEntry): AsyncGenerator<Buffer> {
  let size = 0;
  let crc = 0;
  const inflater = createInflateRaw({ chunkSize: pieceBytes });
  const source = entry.deflated ? inflater : copies(rawPieces(file, entry));
  // A failure of the inflater is thrown by reading it.
  if (entry.deflated) feed(inflater, rawPieces(file, entry)).catch((error: Error) => inflater.destroy(error));
  try {
    for await (const chunk of source) {
      size += chunk.byteLength;
      if (size > entry.size) throw new Error('longer than the directory says');
      crc = crc32(chunk, crc);
      yield chunk;
    }
    if (entry.deflated && inflater.bytesWritten !== entry.compressedSize)
      throw new Error('bytes after the end');
  } catch (error) {
    throw corrupt(file, entry, error);
  } finally {
    inflater.destroy();
  }
  if (size !== entry.size || crc !== entry.crc) throw corrupt(file, entry);
}
