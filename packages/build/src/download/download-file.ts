import { randomBytes } from 'node:crypto';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import { request, type Dispatcher } from 'undici';
import { hashContent } from '../source/hash-content.ts';
import { splitUrl } from './http.ts';
import { saveBody } from './save-body.ts';

/** A file whose content is known before it is fetched. */
export interface KnownFile {
  /** What people are shown: `numpy-2.4.6-cp311-….whl`. */
  readonly name: string;
  /** Tried in order; a 404 or a host that does not answer goes on to the next. */
  readonly urls: readonly string[];
  /** 64 hexadecimal digits. */
  readonly sha256: string;
  /** Bytes; 0: not known. */
  readonly size: number;
  /** Where it goes. */
  readonly path: string;
}

export interface DownloadOptions {
  readonly http: Dispatcher;
  /** On the disk of `path`: where it lies until it is whole. */
  readonly temporaryDir: string;
  readonly signal?: AbortSignal | undefined;
  readonly onBytes?: (bytes: number) => void;
}

/** Larger than any wheel that there is (torch with CUDA: 2.5 GB). */
const sizeLimit = 8 * 1024 ** 3;

/**
 * Fetches one file; it appears under its path whole and verified, or not at all. Undefined: no address has it (404), so that the
 * caller may look for another. Throws `HASH_MISMATCH`, or the network's error when no address answers.
 */
export async function downloadFile(file: KnownFile, options: DownloadOptions): Promise<string | undefined> {
  if (await isPresent(file, { hash: true })) return file.path;
  await mkdir(dirname(file.path), { recursive: true });
  let failure: unknown;
  for (const url of file.urls) {
    options.signal?.throwIfAborted();
    try {
      if (await fetchInto(url, file, options)) return file.path;
    } catch (error) {
      options.signal?.throwIfAborted();
      if (error instanceof GalleyError) throw error;
      failure = error;
    }
  }
  if (failure !== undefined)
    throw failure instanceof Error ? failure : new Error(`thrown: ${typeof failure}`);
  return undefined;
}

/**
 * It was verified before it got its name, so that its size is proof enough where it is looked at often (whoever reads it hashes it again); with
 * `hash` nothing but its bytes is.
 */
export async function isPresent(file: KnownFile, { hash = false } = {}): Promise<boolean> {
  const found = await stat(file.path).catch(() => undefined);
  if (found === undefined || (file.size !== 0 && found.size !== file.size)) return false;
  return !hash || (await hashContent({ spooled: file.path })) === file.sha256;
}

/** False: the server does not have it. */
async function fetchInto(rawUrl: string, file: KnownFile, options: DownloadOptions): Promise<boolean> {
  const { url, headers } = splitUrl(rawUrl);
  const response = await request(url, {
    dispatcher: options.http,
    headers,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  if (response.statusCode !== 200) {
    await response.body.dump();
    if (response.statusCode === 404 || response.statusCode === 410) return false;
    throw new Error(`${new URL(url).host} answered ${response.statusCode} for ${file.name}`);
  }
  const temporary = join(options.temporaryDir, randomBytes(8).toString('hex'));
  try {
    const { sha256 } = await saveBody(response.body, temporary, {
      maxBytes: file.size === 0 ? sizeLimit : file.size,
      tooLarge: () => mismatch(file, 'is larger than'),
      onBytes: options.onBytes,
    });
    if (sha256 !== file.sha256) throw mismatch(file, 'does not hash to');
    await rename(temporary, file.path);
    return true;
  } finally {
    await rm(temporary, { force: true });
  }
}

function mismatch(file: KnownFile, what: string): GalleyError {
  return new GalleyError(
    'HASH_MISMATCH',
    `${file.name} ${what} what the lock says; nothing of it was kept.`,
    {
      hint: 'Build again; if it stays, do not trust the index or mirror that it came from.',
      details: { file: file.name, sha256: file.sha256, size: file.size },
    },
  );
}
