import { GalleyError } from '@galley/api/error/galley-error';
import { openGuardedHttp, type GuardOptions } from '../../download/guarded-http.ts';
import { guardedRequest, type GuardedOptions } from '../../download/guarded-request.ts';
import type { GitAddress } from './address.ts';

/** What git asks a server first; only there it follows redirects. */
const firstRequest = '/info/refs?service=git-upload-pack';

/**
 * Where the redirects of a server lead in the end, each of them held to the guard: git itself follows them wherever they go. What cannot
 * be reached stays as it is, for git to say why. Throws `EGRESS_DENIED`, `SOURCE_REFUSED`.
 */
export async function followRedirects(
  address: GitAddress,
  options: {
    readonly guard: GuardOptions;
    readonly credentials: GuardedOptions['credentials'];
    readonly signal?: AbortSignal | undefined;
  },
): Promise<string> {
  const { guard, credentials, signal } = options;
  const http = openGuardedHttp(guard, { redirects: 0 });
  let last = '';
  const allow = (hop: URL): boolean => {
    last = hop.href;
    return hop.protocol === 'https:' || hop.protocol === `${address.transport}:`;
  };
  try {
    const asked = `${address.url.replace(/\/+$/, '')}${firstRequest}`;
    // Some forges answer only what calls itself git.
    const headers = { 'user-agent': 'git/2 (galley)' };
    const response = await guardedRequest(asked, { http, credentials, headers, allow, signal });
    await response.body.dump();
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof GalleyError) throw error;
    return address.url;
  } finally {
    await http.destroy();
  }
  return last.endsWith(firstRequest) ? last.slice(0, -firstRequest.length) : address.url;
}
