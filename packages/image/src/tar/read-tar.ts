import { Readable } from 'node:stream';
import { GalleyError } from '@galley/api/error/galley-error';
import { extract, type Header } from 'tar-stream';
import type { TarEntry, TarEntryType } from './entry.ts';
import { checkPath } from './path.ts';

/** What a hostile tar may cost. */
export interface TarLimits {
  readonly entriesMax: number;
  /** Bytes of all contents together. */
  readonly bytesMax: number;
  /** Devices and fifos: refused, or left out and told. Default `refuse`. */
  readonly special?: 'refuse' | 'skip';
  /** Told about each entry that was left out. */
  readonly onSkip?: (path: string, reason: string) => void;
}

const entryTypes: Readonly<Record<string, TarEntryType>> = {
  file: 'file',
  'contiguous-file': 'file',
  directory: 'directory',
  symlink: 'symlink',
  link: 'hardlink',
};

/** `./a/b/` → `a/b`; the root itself is ''. Anything else stays for `checkPath` to judge. */
function normalise(name: string): string {
  let path = name;
  while (path.startsWith('./')) path = path.slice(2).replace(/^\/+/, '');
  path = path.replace(/\/+$/, '');
  if (path === '.') return '';
  // A lone slash would become the root by the line above; it is absolute and refused.
  return path === '' && name.startsWith('/') ? name : path;
}

function toEntry(header: Header, path: string, type: TarEntryType): Omit<TarEntry, 'content'> {
  const link = header.linkname ?? '';
  const entry = {
    path,
    type,
    mode: (header.mode ?? 0) & 0o7777,
    size: type === 'file' ? (header.size ?? 0) : 0,
    uid: paxNumber(header, 'uid') ?? header.uid ?? 0,
    gid: paxNumber(header, 'gid') ?? header.gid ?? 0,
    mtime: Math.max(0, Math.floor((header.mtime?.getTime() ?? 0) / 1000)),
  };
  if (type === 'symlink') {
    if (link === '' || link.includes('\0')) {
      throw new GalleyError('IMAGE_INVALID', `The symbolic link ${path} has no target.`, {
        details: { path },
      });
    }
    return { ...entry, linkTarget: link };
  }
  if (type !== 'hardlink') return entry;
  const target = normalise(link);
  checkPath(target, `The hard link ${path}`);
  return { ...entry, linkTarget: target };
}

/**
 * The bytes of an entry. A generator and not the stream itself: Node's `pipeline` waits for ever on a streamx stream that is destroyed, as it is when
 * the tar ends in the middle of an entry. Throws as `readTar`.
 */
async function* bytesOf(stream: object, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  try {
    // It yields bytes when iterated, which its own types do not say.
    yield* stream as AsyncIterable<Uint8Array>;
  } catch (error) {
    signal?.throwIfAborted();
    throw brokenTar(error);
  }
}

/** tar-stream hands PAX records on but applies only path, linkpath and size. */
function paxNumber(header: Header, key: 'uid' | 'gid'): number | undefined {
  const { pax } = header;
  if (typeof pax !== 'object' || pax === null) return undefined;
  const text: unknown = Object.getOwnPropertyDescriptor(pax, key)?.value;
  return typeof text === 'string' && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

/**
 * The entries of a tar that somebody else wrote (an output of a workload, an upload, a layer), in order. The content of an entry must be
 * read before the next is asked for; what is not read is skipped. Refuses with `IMAGE_INVALID`: names that are absolute, have `..`, NUL or bytes that
 * are not UTF-8; hard links that leave; devices, fifos and unknown sorts; more entries or bytes than the limits; a tar that is cut short.
 * Symlink targets are not judged: whoever unpacks must not follow them.
 */
export async function* readTar(
  source: AsyncIterable<Uint8Array>,
  limits: TarLimits,
  signal?: AbortSignal,
): AsyncGenerator<TarEntry> {
  const parser = extract();
  const input = source instanceof Readable ? source : Readable.from(source);
  // An error of the source must reach the reader of entries, and an early end of reading must stop the source.
  input.once('error', (error) => parser.destroy(error));
  const abort = () => parser.destroy(new Error('aborted', { cause: signal?.reason }));
  signal?.addEventListener('abort', abort, { once: true });
  input.pipe(parser);
  let entries = 0;
  let bytes = 0;
  try {
    for await (const stream of parser) {
      signal?.throwIfAborted();
      const header = stream.header;
      entries += 1;
      bytes += header.size ?? 0;
      checkLimits(header, entries, bytes, limits);
      const path = normalise(header.name);
      if (path === '') {
        stream.resume();
        continue;
      }
      checkPath(path, 'The tar');
      const type = entryTypes[header.type ?? ''];
      if (type === undefined) {
        refuseSpecial(path, header.type ?? 'unknown', limits);
        stream.resume();
        continue;
      }
      yield { ...toEntry(header, path, type), content: () => bytesOf(stream, signal) };
      stream.resume();
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw error instanceof GalleyError ? error : brokenTar(error);
  } finally {
    signal?.removeEventListener('abort', abort);
    parser.destroy();
    input.destroy();
  }
}

function brokenTar(cause: unknown): unknown {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  // System errors of the source (EIO, ECONNRESET) are not the tar's fault.
  if (/^E[A-Z]+$/.test(code)) return cause;
  return new GalleyError('IMAGE_INVALID', 'The tar is broken or cut short.', { cause });
}

function refuseSpecial(path: string, type: string, limits: TarLimits): void {
  if (limits.special === 'skip') {
    limits.onSkip?.(path, `${type} entries are not unpacked`);
    return;
  }
  throw new GalleyError(
    'IMAGE_INVALID',
    `The tar holds ${path}, a ${type} entry; only files, directories and links are taken.`,
    {
      details: { path, type },
    },
  );
}

function checkLimits(header: Header, entries: number, bytes: number, limits: TarLimits): void {
  if (entries > limits.entriesMax) {
    throw new GalleyError('IMAGE_INVALID', `The tar has more than ${limits.entriesMax} entries.`, {
      details: { entriesMax: limits.entriesMax },
    });
  }
  if (!Number.isSafeInteger(header.size ?? 0) || bytes > limits.bytesMax) {
    throw new GalleyError('IMAGE_INVALID', `The tar unpacks to more than ${limits.bytesMax} bytes.`, {
      details: { bytesMax: limits.bytesMax, path: header.name.slice(0, 1000) },
    });
  }
}
