import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import type { ImageStore } from '@galley/image/store';
import { openGuardedHttp, type GuardOptions } from '../../download/guarded-http.ts';
import { guardedRequest, type GuardedOptions } from '../../download/guarded-request.ts';
import { openHttp } from '../../download/http.ts';
import { saveBody } from '../../download/save-body.ts';
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
}

/** What it takes besides the address. */
export interface ArchiveUrlOptions {
  readonly store?: ImageStore;
  readonly spool: string;
  readonly privateHosts: GuardOptions['privateHosts'];
  readonly signal?: AbortSignal | undefined;
}

/** Of the file as it is packed. */
const maxBytes = 4 * 1024 ** 3;

/**
 * An archive behind a URL as a source. With a digest it is fetched once and kept in the store under it. Throws `SOURCE_NOT_FOUND`,
 * `SOURCE_UNAUTHORIZED`, `SOURCE_UNREACHABLE`, `HASH_MISMATCH`, `EGRESS_DENIED`, and what unpacking throws.
 */
export async function openArchiveUrl(source: ArchiveUrl, options: ArchiveUrlOptions): Promise<SourceTree> {
  const url = checkArchiveUrl(source.url, source.digest !== undefined);
  const shown = `${url.origin}${url.pathname}`;
  const { digest } = source;
  const { store, spool, signal } = options;
  const unpack = { shown, contextDir: source.contextDir, spool, signal };
  if (digest !== undefined && (await store?.has(digest)) === true && store !== undefined)
    return openArchiveFile(store.blobPath(digest), unpack);
  await mkdir(spool, { recursive: true, mode: 0o700 });
  const path = join(spool, randomBytes(8).toString('hex'));
  const sha256 = await fetchArchive(url, path, source, options);
  if (digest !== undefined) {
    if (`sha256:${sha256}` !== digest) throw mismatch(shown, digest, sha256);
    await store?.write(createReadStream(path), {
      mediaType: 'application/octet-stream',
      expect: digest,
    });
  }
  return openArchiveFile(path, unpack);
}

/** An address that an archive may come from. `known`: its digest is, so that nobody on the way can change it. Throws `SOURCE_REFUSED`. */
export function checkArchiveUrl(text: string, known: boolean): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const shown = url === undefined ? redactUrl(text) : `${url.origin}${url.pathname}`;
  if (url === undefined || !isVouchedFor(url, url, known)) {
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

/** Nobody on the way to `url`, which `from` led to, can change what comes: it is encrypted, on this machine, or held to a digest. */
function isVouchedFor(url: URL, from: URL, known: boolean): boolean {
  const local = isLoopback(url.host) && isLoopback(from.host);
  return url.protocol === 'https:' || (url.protocol === 'http:' && (known || local));
}

/** Fetches it into `path`; its sha256. */
async function fetchArchive(
  url: URL,
  path: string,
  source: ArchiveUrl,
  { privateHosts, signal }: ArchiveUrlOptions,
): Promise<string> {
  const redirects = 0;
  const http =
    source.own === true
      ? openHttp(process.env, { redirects })
      : openGuardedHttp({ privateHosts }, { redirects });
  try {
    const response = await guardedRequest(url.href, {
      http,
      credentials: credentialsFor(url, source.secret),
      // A redirect must not lead around what the address itself is held to.
      allow: (hop) => isVouchedFor(hop, url, source.digest !== undefined),
      signal,
    });
    if (response.statusCode !== 200) {
      await response.body.dump();
      throw answered(url, response.statusCode);
    }
    return (await saveBody(response.body, path, { maxBytes, tooLarge: () => tooLarge(url) })).sha256;
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof GalleyError) throw cause;
    throw unreachable(url, cause instanceof Error ? cause.message : String(cause), cause);
  } finally {
    await http.destroy();
  }
}

function credentialsFor(url: URL, secret: string | undefined): GuardedOptions['credentials'] {
  const value = secret?.trim() ?? '';
  if (value === '') return undefined;
  if (url.protocol === 'http:' && !isLoopback(url.host)) {
    throw refused(
      `${url.origin}${url.pathname}`,
      'is not encrypted: whoever is on the way could read the secret',
      'Use https://…, or leave the secret out.',
    );
  }
  const authorization = value.includes(':')
    ? `Basic ${Buffer.from(value).toString('base64')}`
    : `Bearer ${value}`;
  return { origin: url.origin, authorization };
}

function answered(url: URL, status: number): GalleyError {
  const shown = `${url.origin}${url.pathname}`;
  const details = { url: shown };
  if (status === 401 || status === 403) {
    return new GalleyError('SOURCE_UNAUTHORIZED', `${shown} does not let us in.`, {
      hint: 'Store a token that may read it: galley secret set NAME, then deploy with --git-secret NAME.',
      details,
    });
  }
  if (status === 404 || status === 410) {
    return new GalleyError('SOURCE_NOT_FOUND', `There is nothing at ${shown}.`, {
      hint: 'Check the address; a private file answers the same to who has no token.',
      details,
    });
  }
  return unreachable(url, `${url.host} answered ${status}`);
}

function unreachable(url: URL, why: string, cause?: unknown): GalleyError {
  const shown = `${url.origin}${url.pathname}`;
  return new GalleyError('SOURCE_UNREACHABLE', `${shown} could not be fetched: ${why}.`, {
    hint: 'Check the network and the proxy settings of this machine, then try again.',
    details: { url: shown },
    ...(cause === undefined ? {} : { cause }),
  });
}

function tooLarge(url: URL): GalleyError {
  const shown = `${url.origin}${url.pathname}`;
  return new GalleyError('SOURCE_TOO_LARGE', `${shown} is larger than ${maxBytes} bytes.`, {
    hint: 'Keep data out of the repository: read it from where it lives.',
    details: { url: shown, maxBytes },
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
