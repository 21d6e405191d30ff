import { createHash, hash, type Hash } from 'node:crypto';
import { crc32, deflateRawSync } from 'node:zlib';
import type { Digest } from '@galley/api/digest';
import { deflateLevel, deterministicGzip } from '../layer/deterministic-gzip.ts';
import { gzipHeader, gzipTrailer } from '../layer/gzip-member.ts';
import { directoryEntry } from '../tar/entry.ts';
import { encodeHeader, paddingOf } from '../tar/header.ts';
import { tarEnd } from '../tar/write-tar.ts';
import { deflateFixed } from './fixed-deflate.ts';
import type { PlacedFile } from './place-wheel.ts';
import { wheelFault } from './wheel-fault.ts';
import { inflateAtOnceMax, inflateEntry, inflatePieces, rawData, rawPieces } from './zip-data.ts';
import type { ZipEntry } from './zip-directory.ts';
import type { ZipFile } from './zip-file.ts';

/** What goes into a stitched layer, in order: directories before what is in them. */
export type StitchItem = { readonly directory: string } | PlacedFile;

const zeros = Buffer.alloc(512);

/**
 * A layer's gzip stream out of placed files, and the digest of the tar inside it, in one pass. Between two files' members lies one tiny member: the padding of the
 * first and the header of the second. Each file is inflated once, to prove its size, CRC and RECORD hash and to feed the diffID; what is written are
 * the zip's own bytes, so nothing is compressed again except what the zip merely stored. A chunk is good only until the next is asked for.
 */
export class Stitcher {
  readonly #diff: Hash = createHash('sha256');
  /** Tar bytes between files that wait for their gzip member. */
  #between: Buffer[] = [];
  tarBytes = 0;

  /** Known when `stream` has ended. */
  diffId(): Digest {
    return `sha256:${this.#diff.digest('hex')}`;
  }

  async *stream(items: Iterable<StitchItem>, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    for (const item of items) {
      signal?.throwIfAborted();
      if ('directory' in item) {
        this.#tar(encodeHeader(directoryEntry(item.directory)));
        continue;
      }
      this.#tar(encodeHeader({ path: item.path, type: 'file', mode: item.mode, size: item.size }));
      if (item.size === 0) {
        checkHash(item, hash(algorithmOf(item), '', 'base64url'));
        continue;
      }
      yield* this.#betweenMember();
      if (item.source.kind === 'bytes') yield* this.#small(item, item.source.content, undefined);
      else if (item.size <= inflateAtOnceMax) yield* this.#zipped(item, item.source.file, item.source.entry);
      else yield* this.#large(item, item.source.file, item.source.entry, signal);
      const padding = paddingOf(item.size);
      if (padding > 0) this.#tar(zeros.subarray(0, padding));
    }
    this.#tar(tarEnd);
    yield* this.#betweenMember();
  }

  #tar(bytes: Buffer): void {
    this.#between.push(bytes);
  }

  *#betweenMember(): Generator<Uint8Array> {
    const bytes = Buffer.concat(this.#between);
    this.#between = [];
    if (bytes.byteLength === 0) return;
    this.#measure(bytes);
    yield Buffer.concat([gzipHeader, deflateFixed(bytes), gzipTrailer(crc32(bytes), bytes.byteLength)]);
  }

  #measure(bytes: Uint8Array): void {
    this.#diff.update(bytes);
    this.tarBytes += bytes.byteLength;
  }

  *#zipped(item: PlacedFile, file: ZipFile, entry: ZipEntry): Generator<Uint8Array> {
    const raw = rawData(file, entry);
    const content = inflateEntry(file, entry, raw);
    // `raw` is good until the file is read again, which is not before the consumer asks for the next chunk.
    yield* this.#small(item, content, entry.deflated ? raw : undefined);
  }

  /** One file that is in memory; `raw` is its deflate stream where there is one. */
  *#small(item: PlacedFile, content: Buffer, raw: Buffer | undefined): Generator<Uint8Array> {
    if (item.source.kind === 'zip') checkHash(item, hash(algorithmOf(item), content, 'base64url'));
    this.#measure(content);
    yield gzipHeader;
    yield raw ?? deflateRawSync(content, { level: deflateLevel });
    const crc = item.source.kind === 'zip' ? item.source.entry.crc : crc32(content);
    yield gzipTrailer(crc, content.byteLength);
  }

  /** A file that is too large to hold: read twice, once to prove it and once to write it. */
  async *#large(
    item: PlacedFile,
    file: ZipFile,
    entry: ZipEntry,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Uint8Array> {
    const proof = createHash(algorithmOf(item));
    for await (const chunk of inflatePieces(file, entry)) {
      signal?.throwIfAborted();
      proof.update(chunk);
      this.#measure(chunk);
    }
    checkHash(item, proof.digest('base64url'));
    if (!entry.deflated) {
      yield* deterministicGzip(inflatePieces(file, entry), signal);
      return;
    }
    yield gzipHeader;
    yield* rawPieces(file, entry);
    yield gzipTrailer(entry.crc, entry.size);
  }
}

/** `sha256` of `sha256=…`. */
function algorithmOf(item: PlacedFile): string {
  return item.hash.slice(0, item.hash.indexOf('='));
}

function checkHash(item: PlacedFile, actual: string): void {
  if (item.source.kind === 'bytes') return;
  const expected = item.hash.slice(item.hash.indexOf('=') + 1);
  if (actual === expected) return;
  const { file, entry } = item.source;
  const details = { name: entry.name, expected, actual };
  throw wheelFault(file.path, `holds ${entry.name}, whose bytes are not what RECORD says`, details);
}
