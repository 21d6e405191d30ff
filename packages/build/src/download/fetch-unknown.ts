import { createHash, randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { request, type Dispatcher } from 'undici';
import { splitUrl } from './http.ts';

/** A file that came with no promise of what it is. */
export interface FetchedFile {
  readonly path: string;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
  readonly size: number;
}

/** Fetches a file whose hash nobody wrote down into `folder`. Throws the network's error, or one that says that it is too large. */
export async function fetchUnknown(
  rawUrl: string,
  options: {
    readonly http: Dispatcher;
    readonly folder: string;
    readonly maxBytes: number;
    readonly signal?: AbortSignal | undefined;
    readonly headers?: Readonly<Record<string, string>>;
  },
): Promise<FetchedFile> {
  const { url, headers } = splitUrl(rawUrl);
  const response = await request(url, {
    dispatcher: options.http,
    headers: { ...headers, ...options.headers },
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  if (response.statusCode !== 200) {
    await response.body.dump();
    throw new Error(`${new URL(url).host} answered ${response.statusCode}`);
  }
  const path = join(options.folder, randomBytes(8).toString('hex'));
  const hash = createHash('sha256');
  let size = 0;
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      size += chunk.length;
      done(size > options.maxBytes ? new Error(`it is larger than ${options.maxBytes} bytes`) : null, chunk);
    },
  });
  await pipeline(response.body, measure, createWriteStream(path));
  return { path, sha256: hash.digest('hex'), size };
}
