import { GalleyError } from '@galley/api/error/galley-error';
import { tarTime, type TarEntry, type TarEntryType } from './entry.ts';

/** Everything in a tar is a multiple of this. */
export const blockBytes = 512;

const typeFlags: Readonly<Record<TarEntryType | 'pax', string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  directory: '5',
  pax: 'x',
};

/** The largest number that 7 and 11 octal digits can say; beyond them PAX must. */
const octal7Max = 0o7777777;
const octal11Max = 0o77777777777;
const asciiPattern = /^[\x20-\x7e]*$/;

interface UstarFields {
  readonly name: string;
  readonly prefix: string;
  readonly link: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly flag: string;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}

/** One 512-byte header (POSIX.1-1988 ustar). All text must be ASCII and fit. */
function ustarBlock(fields: UstarFields): Buffer {
  const block = Buffer.alloc(blockBytes);
  block.write(fields.name, 0, 100, 'latin1');
  block.write(octal(fields.mode, 7), 100, 7, 'latin1');
  block.write(octal(fields.uid, 7), 108, 7, 'latin1');
  block.write(octal(fields.gid, 7), 116, 7, 'latin1');
  block.write(octal(fields.size, 11), 124, 11, 'latin1');
  block.write(octal(tarTime, 11), 136, 11, 'latin1');
  block.write('        ', 148, 8, 'latin1');
  block.write(fields.flag, 156, 1, 'latin1');
  block.write(fields.link, 157, 100, 'latin1');
  block.write('ustar\u000000', 257, 8, 'latin1');
  block.write(octal(0, 7), 329, 7, 'latin1');
  block.write(octal(0, 7), 337, 7, 'latin1');
  block.write(fields.prefix, 345, 155, 'latin1');
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${octal(sum, 6)}\0 `, 148, 8, 'latin1');
  return block;
}

/** A name split at a `/` so that both parts fit ustar, or undefined when PAX must carry it. */
function splitName(path: string): { name: string; prefix: string } | undefined {
  if (!asciiPattern.test(path)) return undefined;
  if (path.length <= 100) return { name: path, prefix: '' };
  if (path.length > 256) return undefined;
  // The first slash that leaves at most 100 bytes behind it; a directory's closing slash does not divide.
  const slash = path.indexOf('/', path.length - 101);
  if (slash < 1 || slash > 155 || slash === path.length - 1) return undefined;
  return { name: path.slice(slash + 1), prefix: path.slice(0, slash) };
}

/** One PAX record: its own length in decimal, blank, key=value, newline; the length counts itself. */
function paxRecord(key: string, value: string): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + String(rest).length;
  if (rest + String(length).length !== length) length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}

function paxBlocks(records: string): Buffer[] {
  const body = Buffer.from(records, 'utf8');
  const head = ustarBlock({
    name: 'PaxHeader',
    prefix: '',
    link: '',
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: body.byteLength,
    flag: typeFlags.pax,
  });
  return [head, body, Buffer.alloc(paddingOf(body.byteLength))];
}

/** Bytes of zeros that follow a content of this size. */
export function paddingOf(size: number): number {
  return (blockBytes - (size % blockBytes)) % blockBytes;
}

/**
 * The header blocks of an entry: ustar, after a PAX header for what ustar cannot say (names that are long or not ASCII, sizes from 8 GiB,
 * large ids). The bytes are a pure function of path, type, mode, size, link, uid and gid. Throws `IMAGE_INVALID` for a negative number or NUL.
 */
export function encodeHeader(entry: TarEntry): Buffer {
  const path = entry.type === 'directory' ? `${entry.path}/` : entry.path;
  const link = entry.linkTarget ?? '';
  const uid = entry.uid ?? 0;
  const gid = entry.gid ?? 0;
  const size = entry.type === 'file' ? entry.size : 0;
  if (!(size >= 0 && uid >= 0 && gid >= 0) || path.includes('\0') || link.includes('\0')) {
    throw new GalleyError('IMAGE_INVALID', `The entry ${JSON.stringify(path)} cannot be written to a tar.`);
  }
  const split = splitName(path);
  const linkFits = link.length <= 100 && asciiPattern.test(link);
  let records = '';
  // POSIX orders nothing; bytewise by key keeps the header a function of the entry.
  if (gid > octal7Max) records += paxRecord('gid', String(gid));
  if (!linkFits) records += paxRecord('linkpath', link);
  if (split === undefined) records += paxRecord('path', path);
  if (size > octal11Max) records += paxRecord('size', String(size));
  if (uid > octal7Max) records += paxRecord('uid', String(uid));
  const block = ustarBlock({
    name: split?.name ?? fallbackName(path),
    prefix: split?.prefix ?? '',
    link: linkFits ? link : fallbackName(link),
    mode: entry.mode & 0o7777,
    uid: uid > octal7Max ? 0 : uid,
    gid: gid > octal7Max ? 0 : gid,
    size: size > octal11Max ? 0 : size,
    flag: typeFlags[entry.type],
  });
  return records === '' ? block : Buffer.concat([...paxBlocks(records), block]);
}

/** What a reader without PAX would see: the end of the name, with `_` for what is not ASCII. */
function fallbackName(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '_').slice(-100);
}
