import { GalleyError } from '@galley/api/error/galley-error';
import { request, type Dispatcher } from 'undici';
import { splitUrl } from '../download/http.ts';
import { normalName } from '@galley/image/wheel/metadata';

/** One file of a package, as its index lists it. */
export interface IndexFile {
  readonly filename: string;
  /** Absolute. */
  readonly url: string;
  /** Undefined: the index gives none, and the file is not taken. */
  readonly sha256: string | undefined;
  readonly size: number;
  readonly requiresPython: string | undefined;
  /** When it was published, RFC 3339 (PEP 700); undefined: the index does not say. */
  readonly uploadTime?: string | undefined;
}

const pageLimit = 64 * 1024 * 1024;
/** A name becomes a file of the cache, below a folder that is called by its hash: neither may lead elsewhere. */
const plainName = /^[\w.+!-]+$/;
const plainHash = /^[0-9a-f]{64}$/;

/**
 * Every file of a package at an index: PEP 691 JSON, else the HTML of PEP 503. Undefined: the index does not know the package.
 * Yanked files are left out. Throws `INDEX_UNREACHABLE`.
 */
export async function listIndexFiles(
  index: string,
  name: string,
  options: { readonly http: Dispatcher; readonly signal?: AbortSignal | undefined },
): Promise<readonly IndexFile[] | undefined> {
  const { url, headers } = splitUrl(`${index.replace(/\/+$/, '')}/${normalName(name)}/`);
  const response = await request(url, {
    dispatcher: options.http,
    headers: {
      ...headers,
      accept:
        'application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1',
    },
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  }).catch((cause: unknown) => {
    options.signal?.throwIfAborted();
    throw unreachable(url, cause);
  });
  if (response.statusCode === 404) {
    await response.body.dump();
    return undefined;
  }
  if (response.statusCode !== 200) {
    await response.body.dump();
    throw unreachable(url, new Error(`it answered ${response.statusCode}`));
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    size += (chunk as Buffer).length;
    if (size > pageLimit) throw unreachable(url, new Error('its page of the package is larger than 64 MiB'));
    chunks.push(chunk as Buffer);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  const isJson = String(response.headers['content-type'] ?? '').includes('json');
  try {
    const files = isJson ? parseJson(text, url) : parseHtml(text, url);
    return files.filter(({ filename }) => plainName.test(filename));
  } catch (cause) {
    throw unreachable(url, cause);
  }
}

function parseJson(text: string, base: string): readonly IndexFile[] {
  const value = JSON.parse(text) as { files?: readonly Record<string, unknown>[] };
  return (value.files ?? []).flatMap((file) => {
    if (file['yanked'] !== undefined && file['yanked'] !== false) return [];
    const hashes = (file['hashes'] ?? {}) as Record<string, unknown>;
    const sha256 = hashes['sha256'];
    return [
      {
        filename: String(file['filename']),
        url: new URL(String(file['url']), base).href,
        sha256: typeof sha256 === 'string' && plainHash.test(sha256) ? sha256 : undefined,
        size: Number(file['size'] ?? 0),
        requiresPython: typeof file['requires-python'] === 'string' ? file['requires-python'] : undefined,
        uploadTime: typeof file['upload-time'] === 'string' ? file['upload-time'] : undefined,
      },
    ];
  });
}

function parseHtml(text: string, base: string): readonly IndexFile[] {
  return [...text.matchAll(/<a\s([^>]*)>([^<]+)<\/a>/gi)].flatMap((match) => {
    const attributes = match[1] ?? '';
    const href = unescape(/href="([^"]*)"/i.exec(attributes)?.[1] ?? '');
    if (href === '' || /data-yanked/i.test(attributes)) return [];
    const url = new URL(href, base);
    const sha256 = /sha256=([0-9a-f]{64})/.exec(url.hash)?.[1];
    url.hash = '';
    const requiresPython = /data-requires-python="([^"]*)"/i.exec(attributes)?.[1];
    return [
      {
        filename: (match[2] ?? '').trim(),
        url: url.href,
        sha256,
        size: 0,
        requiresPython: requiresPython === undefined ? undefined : unescape(requiresPython),
      },
    ];
  });
}

function unescape(text: string): string {
  return text
    .replaceAll('&gt;', '>')
    .replaceAll('&lt;', '<')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&');
}

export function unreachable(url: string, cause: unknown): GalleyError {
  return new GalleyError('INDEX_UNREACHABLE', `The package index at ${new URL(url).host} does not answer.`, {
    hint: 'Check the network and proxy of this machine; pip and uv settings are honoured. What was fetched is kept.',
    cause,
  });
}
