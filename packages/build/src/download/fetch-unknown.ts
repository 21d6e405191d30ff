import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { request, type Dispatcher } from 'undici';
import { splitUrl } from './http.ts';
import { saveBody } from './save-body.ts';

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
    readonly signal: AbortSignal;
  },
): Promise<FetchedFile> {
  const { url, headers } = splitUrl(rawUrl);
  const { http, folder, maxBytes, signal } = options;
  const response = await request(url, { dispatcher: http, headers, signal });
  if (response.statusCode !== 200) {
    await response.body.dump();
    throw new Error(`${new URL(url).host} answered ${response.statusCode}`);
  }
  const path = join(folder, randomBytes(8).toString('hex'));
  const tooLarge = (): Error => new Error(`it is larger than ${maxBytes} bytes`);
  return { path, ...(await saveBody(response.body, path, { maxBytes, tooLarge })) };
}
