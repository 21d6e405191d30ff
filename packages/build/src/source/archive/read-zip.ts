import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { GalleyError } from '@galley/api/error/galley-error';
import { openPromise, type Entry, type ZipFile } from 'yauzl';
import { decodePath } from '../tree-path.ts';
import type { TreeBuilder } from '../tree-builder.ts';
import { checkEntryCount } from './read-tar.ts';

const typeMask = 0o170000;
const symlinkType = 0o120000;
/** Written on a system that has no modes (DOS, Windows): every entry is a plain file. */
const unix = 3;

/**
 * Takes every entry of a hostile zip into the builder: sizes and checksums are checked while an entry is read, names are bytes judged by us, and links
 * are links. Throws `SOURCE_REFUSED`, `SOURCE_TOO_LARGE`.
 */
export async function readZip(
  path: string,
  shown: string,
  builder: TreeBuilder,
  signal?: AbortSignal,
): Promise<void> {
  let zip: ZipFile | undefined;
  try {
    zip = await openPromise(path, {
      lazyEntries: true,
      decodeStrings: false,
      validateEntrySizes: true,
      autoClose: false,
    });
    checkEntryCount(zip.entryCount);
    for await (const entry of zip.eachEntry()) {
      signal?.throwIfAborted();
      await takeEntry(zip, entry, builder);
    }
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof GalleyError) throw cause;
    throw new GalleyError('SOURCE_REFUSED', `${shown} is a zip that cannot be read to its end.`, {
      hint: 'Pack it again, or as .tar.gz.',
      details: { archive: shown },
      cause,
    });
  } finally {
    zip?.close();
  }
}

async function takeEntry(zip: ZipFile, entry: Entry, builder: TreeBuilder): Promise<void> {
  // With decodeStrings false yauzl leaves the bytes; Windows' own packer writes backslashes.
  const name = decodePath(entry.fileNameRaw).replaceAll('\\', '/');
  if (name.endsWith('/')) return;
  if (entry.isEncrypted()) throw refusedEntry(name, 'is encrypted');
  const mode = entry.versionMadeBy >>> 8 === unix ? entry.externalFileAttributes >>> 16 : 0o644;
  const type = mode & typeMask;
  const content = checked(await zip.openReadStreamPromise(entry), entry, name);
  if (type === symlinkType) {
    if (entry.uncompressedSize > 4096) throw refusedEntry(name, 'is a symlink longer than any path');
    builder.addLink(name, decodePath(Buffer.concat(await Readable.from(content).toArray())));
  } else if (type === 0 || type === 0o100000) {
    await builder.addFile(name, (mode & 0o100) !== 0, content, entry.uncompressedSize);
  } else throw refusedEntry(name, 'is a device or another special file');
}

/** yauzl holds an entry to its size, not to its checksum. */
async function* checked(stream: AsyncIterable<Buffer>, entry: Entry, name: string): AsyncGenerator<Buffer> {
  let crc = 0;
  for await (const chunk of stream) {
    crc = crc32(chunk, crc);
    yield chunk;
  }
  if (crc !== entry.crc32) throw refusedEntry(name, 'is damaged');
}

function refusedEntry(path: string, why: string): GalleyError {
  return new GalleyError('SOURCE_REFUSED', `The source holds ${path}, which ${why}.`, {
    hint: 'Pack regular files, folders and symlinks only.',
    details: { path },
  });
}
