import { fromRandomAccessReaderPromise, type Entry } from 'yauzl';
import { pathFault } from '../tar/path.ts';
import { wheelFault } from './wheel-fault.ts';
import { ZipFileReader, type ZipFile } from './zip-file.ts';

/** One file of a zip, from the central directory. */
export interface ZipEntry {
  readonly name: string;
  readonly deflated: boolean;
  readonly crc: number;
  readonly compressedSize: number;
  readonly size: number;
  readonly executable: boolean;
  /** Of the local header, not of the data. */
  readonly offset: number;
}

const entriesMax = 500_000;
const totalBytesMax = 2 ** 34;
/** A gzip member says its size in 32 bits, and so does a zip without zip64: larger single files are a surprise. */
const entryBytesMax = 2 ** 32 - 1;
/** Deflate reaches 1032; whole wheels of real packages stay below 30. */
const ratioMax = 200;
const ratioFloorBytes = 256 << 20;
/** What yauzl would have read as a drive, directory or archive of DOS is of no interest; these two bits are. */
const encryptedBit = 0x1;
const utf8Bit = 0x800;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Names as bytes, judged by us: yauzl would let a second name in an extra field (0x7075) win, which Python does not do. */
function nameOf(file: ZipFile, entry: Entry): string {
  // With decodeStrings false yauzl leaves the raw bytes in fileNameRaw.
  const raw = entry.fileNameRaw;
  const isUtf8 = (entry.generalPurposeBitFlag & utf8Bit) !== 0;
  if (!isUtf8 && raw.some((byte) => byte > 0x7e)) {
    throw wheelFault(file.path, 'holds a name in an unknown encoding', { name: raw.toString('latin1') });
  }
  let name: string;
  try {
    name = utf8.decode(raw);
  } catch {
    throw wheelFault(file.path, 'holds a name that is not UTF-8', { name: raw.toString('latin1') });
  }
  const fault = pathFault(name.endsWith('/') ? name.slice(0, -1) : name);
  if (fault !== undefined)
    throw wheelFault(file.path, `holds the path ${JSON.stringify(name)}, which ${fault}`, { name });
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\\\u0000-\u001f\u007f]/.test(name)) {
    throw wheelFault(
      file.path,
      `holds the path ${JSON.stringify(name)} with a backslash or control character`,
      { name },
    );
  }
  return name;
}

function checkEntry(file: ZipFile, entry: Entry, name: string): void {
  if ((entry.generalPurposeBitFlag & encryptedBit) !== 0) {
    throw wheelFault(file.path, `holds the encrypted file ${name}`, { name });
  }
  if (entry.compressionMethod !== 0 && entry.compressionMethod !== 8) {
    const details = { name, method: entry.compressionMethod };
    throw wheelFault(file.path, `holds ${name}, compressed by a method that wheels do not use`, details);
  }
  const sort = (entry.externalFileAttributes >>> 16) & 0o170000;
  if (sort !== 0 && sort !== 0o100000 && sort !== 0o040000) {
    throw wheelFault(file.path, `holds ${name}, which is a link or device and no file`, { name });
  }
  const end = entry.relativeOffsetOfLocalHeader + 30 + entry.fileNameLength + entry.compressedSize;
  if (entry.uncompressedSize > entryBytesMax || end > file.size) {
    throw wheelFault(file.path, `says impossible sizes for ${name}`, { name, size: entry.uncompressedSize });
  }
}

/** Two entries that share bytes are how a small zip becomes a large bomb (Fifield's "better zip bomb"). */
function checkOverlap(file: ZipFile, entries: readonly ZipEntry[]): void {
  const byOffset = entries.toSorted((left, right) => left.offset - right.offset);
  let end = 0;
  for (const entry of byOffset) {
    if (entry.offset < end)
      throw wheelFault(file.path, `holds ${entry.name}, which overlaps another file`, { name: entry.name });
    end = entry.offset + 30 + Buffer.byteLength(entry.name) + entry.compressedSize;
  }
}

function checkTotal(file: ZipFile, total: number, count: number): void {
  if (count > entriesMax || total > totalBytesMax) {
    throw wheelFault(file.path, `has ${count} files of ${total} bytes together, more than is allowed`, {
      count,
      total,
    });
  }
  if (total > ratioFloorBytes && total > file.size * ratioMax) {
    throw wheelFault(file.path, `grows from ${file.size} to ${total} bytes, as only bombs do`, { total });
  }
}

/** The files of a zip in the order of its central directory, all checked; directories are left out. Throws `WHEEL_INVALID`. */
export async function readZipDirectory(file: ZipFile): Promise<ZipEntry[]> {
  const entries: ZipEntry[] = [];
  const names = new Set<string>();
  let total = 0;
  try {
    const zip = await fromRandomAccessReaderPromise(new ZipFileReader(file), file.size, {
      lazyEntries: true,
      autoClose: false,
      decodeStrings: false,
      validateEntrySizes: true,
    });
    for await (const entry of zip.eachEntry()) {
      const name = nameOf(file, entry);
      if (names.has(name)) throw wheelFault(file.path, `holds ${name} twice`, { name });
      names.add(name);
      checkEntry(file, entry, name);
      total += entry.uncompressedSize;
      checkTotal(file, total, names.size);
      if (name.endsWith('/')) continue;
      entries.push({
        name,
        deflated: entry.compressionMethod === 8,
        crc: entry.crc32,
        compressedSize: entry.compressedSize,
        size: entry.uncompressedSize,
        executable: ((entry.externalFileAttributes >>> 16) & 0o111) !== 0,
        offset: entry.relativeOffsetOfLocalHeader,
      });
    }
  } catch (error) {
    if (error instanceof Error && error.name === 'GalleyError') throw error;
    throw wheelFault(file.path, 'is no readable zip', {}, error);
  }
  checkOverlap(file, entries);
  return entries;
}
