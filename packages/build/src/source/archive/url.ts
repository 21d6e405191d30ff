import { createReadStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import type { Digest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import type { ImageStore } from '@galley/image/store';
import { fetchUnknown, type FetchedFile } from '../../download/fetch-unknown.ts';
import { openGuardedHttp } from '../../download/guarded-http.ts';
import { openHttp } from '../../download/http.ts';
import { isLoopback, redactUrl } from '../git/address.ts';
import type { SourceTree } from '../source-tree.ts';
import { openArchiveFile } from './file.ts';

export interface ArchiveUrl {
  /** https, or http where the digest is known or the host is this machine. */
  readonly url: string;
  /** What the file must hash to; undefined: whatever it is today. */
  readonly digest?: Digest | undefined;
  /** A folder of it that is the source; empty: all of it. */
  readonly contextDir: string;
  /** A token (sent as Bearer) or `user:password` (Basic). */
  readonly secret?: string | undefined;
  /** The person who builds owns this machine: private addresses may be asked. Never in a server. */
  readonly own?: boolean | undefined;
  /** `host:port` of private networks that may be asked all the same. */
  readonly allowedHosts: readonly string[];
}

/** Of the file as it is packed. */
const maxBytes = 4 * 1024 ** 3;

/**
 * An archive behind a URL as a source. With a digest it is fetched once and kept in the store under it. Throws `SOURCE_NOT_FOUND`,
 * `SOURCE_UNAUTHORIZED`, `SOURCE_UNREACHABLE`, `HASH_MISMATCH`, `EGRESS_DENIED`, and what unpacking throws.
 */
export async function openArchiveUrl(
  source: ArchiveUrl,
  options: { readonly store?: ImageStore; readonly spool: string; readonly signal?: AbortSignal | undefined },
): Promise<SourceTree> {
  const url = checkArchiveUrl(source.url, source.digest !== undefined);
  const shown = `${url.origin}${url.pathname}`;
  const { digest } = source;
  const { store, spool, signal } = options;
  const unpack = { shown, contextDir: source.contextDir, spool, signal };
  if (digest !== undefined && (await store?.has(digest)) === true && store !== undefined)
    return openArchiveFile(store.blobPath(digest), unpack);
  await mkdir(spool, { recursive: true, mode: 0o700 });
  const fetched = await fetchArchive(url, source, options);
  if (digest !== undefined) {
    if (`sha256:${fetched.sha256}` !== digest) throw mismatch(shown, digest, fetched.sha256);
    await store?.write(createReadStream(fetched.path), {
      mediaType: 'application/octet-stream',
      expect: digest,
    });
  }
  return openArchiveFile(fetched.path, unpack);
}

/** An address that an archive may come from. `known`: its digest is, so that nobody on the way can change it. Throws `SOURCE_REFUSED`. */
export function checkArchiveUrl(text: string, known: boolean): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const plain = url?.protocol === 'http:' && (known || isLoopback(url.host));
  const shown = url === undefined ? redactUrl(text) : `${url.origin}${url.pathname}`;
  if (url === undefined || (url.protocol !== 'https:' && !plain)) {
    throw refused(
      shown,
      'is no address that an archive may come from',
      'Use https://…, or http://… with #sha256=<64 digits> behind it.',
    );
  }
  if (url.username !== '' || url.password !== '') {
    throw refused(
      shown,
      'came with a user or password in it',
      'Store user:password with galley secret set NAME and deploy with --git-secret NAME.',
    );
  }
  url.hash = '';
  return url;
}

async function fetchArchive(
  url: URL,
  source: ArchiveUrl,
  options: { readonly spool: string; readonly signal?: AbortSignal | undefined },
): Promise<FetchedFile> {
  const http = source.own === true ? openHttp() : openGuardedHttp({ allowedHosts: source.allowedHosts });
  const { spool: folder, signal } = options;
  try {
    const headers = authorization(source.secret);
    return await fetchUnknown(url.href, { http, folder, maxBytes, signal, headers });
  } catch (cause) {
    signal?.throwIfAborted();
    throw explain(url, cause);
  } finally {
    await http.destroy();
  }
}

function authorization(secret: string | undefined): Record<string, string> {
  const value = secret?.trim() ?? '';
  if (value === '') return {};
  return {
    authorization: value.includes(':') ? `Basic ${Buffer.from(value).toString('base64')}` : `Bearer ${value}`,
  };
}

function explain(url: URL, cause: unknown): GalleyError {
  if (cause instanceof GalleyError) return cause;
  const shown = `${url.origin}${url.pathname}`;
  const why = cause instanceof Error ? cause.message : String(cause);
  const status = /answered (\d{3})/.exec(why)?.[1];
  if (status === '401' || status === '403') {
    return new GalleyError('SOURCE_UNAUTHORIZED', `${shown} does not let us in.`, {
      hint: 'Store a token that may read it: galley secret set NAME, then deploy with --git-secret NAME.',
      details: { url: shown },
    });
  }
  if (status === '404' || status === '410') {
    return new GalleyError('SOURCE_NOT_FOUND', `There is nothing at ${shown}.`, {
      hint: 'Check the address; a private file answers the same to who has no token.',
      details: { url: shown },
    });
  }
  if (/larger than/.test(why)) {
    return new GalleyError('SOURCE_TOO_LARGE', `${shown} is larger than ${maxBytes} bytes.`, {
      hint: 'Keep data out of the repository: read it from where it lives.',
      details: { url: shown, maxBytes },
    });
  }
  return new GalleyError('SOURCE_UNREACHABLE', `${shown} could not be fetched: ${why}.`, {
    hint: 'Check the network and the proxy settings of this machine, then try again.',
    details: { url: shown },
    cause,
  });
}

function mismatch(shown: string, wanted: Digest, sha256: string): GalleyError {
  return new GalleyError('HASH_MISMATCH', `${shown} is not the file that the source names by its digest.`, {
    hint: 'If the new file is the right one, write its digest; if not, do not trust where it came from.',
    details: { url: shown, wanted, found: `sha256:${sha256}` },
  });
}

function refused(shown: string, why: string, hint: string): GalleyError {
  return new GalleyError('SOURCE_REFUSED', `${shown} ${why}.`, { hint, details: { url: shown } });
}
