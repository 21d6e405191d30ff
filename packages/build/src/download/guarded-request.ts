import { GalleyError } from '@galley/api/error/galley-error';
import { request, type Dispatcher } from 'undici';

export interface GuardedOptions {
  /** Made with `redirects: 0`: the way there is walked here. */
  readonly http: Dispatcher;
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Sent to this origin and to no other, whatever redirects say. */
  readonly credentials?: { readonly origin: string; readonly authorization: string } | undefined;
  /** Asked before every hop: a hostile server must not lead us to this machine's own services or its cloud's metadata. */
  readonly allow: (url: URL) => boolean;
  readonly signal?: AbortSignal | undefined;
}

const hops = 5;

/**
 * A request whose every redirect is checked. The caller reads or dumps the body. Throws `SOURCE_REFUSED` when an address on the way is
 * not allowed or the way does not end, and the network's error.
 */
export async function guardedRequest(
  address: string,
  options: GuardedOptions,
): Promise<Dispatcher.ResponseData> {
  let url = new URL(address);
  for (let hop = 0; hop <= hops; hop += 1) {
    if (!options.allow(url))
      throw refused(url, `leads to ${url.origin}, which a source may not be fetched from`);
    const { credentials } = options;
    const known = credentials !== undefined && credentials.origin === url.origin;
    const response = await request(url, {
      dispatcher: options.http,
      method: options.method ?? 'GET',
      headers: {
        // What another origin was told to be sent along (`header` of an LFS action) stays with it.
        ...(url.origin === new URL(address).origin ? options.headers : {}),
        ...(known ? { authorization: credentials.authorization } : {}),
      },
      ...(options.body === undefined ? {} : { body: options.body }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    const location = response.headers['location'];
    if (![301, 302, 303, 307, 308].includes(response.statusCode) || typeof location !== 'string')
      return response;
    await response.body.dump();
    if (!URL.canParse(location, url.href)) throw refused(url, 'redirects to something that is no address');
    url = new URL(location, url);
    url.username = '';
    url.password = '';
  }
  throw refused(new URL(address), `redirects more than ${hops} times`);
}

function refused(url: URL, why: string): GalleyError {
  return new GalleyError('SOURCE_REFUSED', `${url.origin}${url.pathname} ${why}.`, {
    hint: 'Give the address where the file itself lies, over https.',
    details: { url: `${url.origin}${url.pathname}` },
  });
}
