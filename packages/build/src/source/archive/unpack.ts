import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { GalleyError } from '@galley/api/error/galley-error';
import { sourceLimits, type TreeBuilder } from '../tree-builder.ts';
import { readTar } from './read-tar.ts';
import { readZip } from './read-zip.ts';

export type ArchiveFormat = 'tar' | 'tar.gz' | 'tar.zst' | 'zip';

/** By its first bytes: names and media types of servers lie. */
const magics: readonly (readonly [
  bytes: string,
  format: ArchiveFormat | 'xz' | 'bzip2' | '7-Zip' | 'RAR',
])[] = [
  ['1f8b', 'tar.gz'],
  ['28b52ffd', 'tar.zst'],
  ['504b0304', 'zip'],
  ['504b0506', 'zip'], // without files
  ['fd377a585a00', 'xz'],
  ['425a68', 'bzip2'],
  ['377abcaf271c', '7-Zip'],
  ['526172211a07', 'RAR'],
];

/**
 * Unpacks an archive into the builder, nothing of it onto the disk under a name of its own. Throws `SOURCE_REFUSED` for what it is packed with, holds
 * or lies about, `SOURCE_TOO_LARGE` for a bomb.
 */
export async function unpackArchive(
  path: string,
  /** For errors: a name that a person knows it by. */
  shown: string,
  builder: TreeBuilder,
  signal?: AbortSignal,
): Promise<void> {
  const format = await formatOf(path, shown);
  if (format === 'zip') await readZip(path, shown, builder, signal);
  else await readTar(decompressed(path, format), builder, signal);
}

async function formatOf(path: string, shown: string): Promise<ArchiveFormat> {
  const file = await open(path);
  try {
    const head = Buffer.alloc(512);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    const hex = head.subarray(0, 8).toString('hex');
    const format = magics.find(([magic]) => hex.startsWith(magic))?.[1];
    if (format === 'zip' || format === 'tar.gz' || format === 'tar.zst') return format;
    if (format !== undefined) throw refused(shown, `is packed with ${format}`);
    if (bytesRead === 512 && head.subarray(257, 262).toString('latin1') === 'ustar') return 'tar';
  } finally {
    await file.close();
  }
  throw refused(shown, 'is no archive');
}

/** The tar inside, which ends with an error where it grows beyond what any source may hold. */
function decompressed(path: string, format: ArchiveFormat): Readable {
  const limit = sourceLimits.bytes + sourceLimits.files * 4096;
  let size = 0;
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      done(size > limit ? bomb(limit) : null, chunk);
    },
  });
  const file = createReadStream(path);
  const unpacked =
    format === 'tar'
      ? pipeline(file, counted)
      : pipeline(file, format === 'tar.gz' ? createGunzip() : createZstdDecompress(), counted);
  // The reader of `counted` sees the error; this one only must not be lost in between.
  unpacked.catch(() => undefined);
  return counted;
}

function bomb(limit: number): GalleyError {
  return new GalleyError('SOURCE_TOO_LARGE', `The archive unpacks to more than ${limit} bytes.`, {
    hint: 'Keep data out of the repository: read it from where it lives.',
    details: { limit },
  });
}

function refused(shown: string, why: string): GalleyError {
  return new GalleyError('SOURCE_REFUSED', `${shown} ${why}.`, {
    hint: 'Pack it as .tar.gz, .tar.zst, .tar or .zip. A git repository is named by its clone address, which often ends in .git.',
    details: { archive: shown },
  });
}
