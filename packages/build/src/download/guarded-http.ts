import { isIP } from 'node:net';
import { GalleyError } from '@galley/api/error/galley-error';
import { decide, systemResolve, type Resolve } from '@galley/engine/egress/allow-list';
import { Agent, buildConnector, interceptors, type Dispatcher } from 'undici';
import { openHttp } from './http.ts';

export interface GuardOptions {
  /** `host:port` that the person who builds allowed: private addresses are reached only so. */
  readonly allowedHosts: readonly string[];
  readonly resolve?: Resolve;
}

/**
 * Refuses an address that a repository names and that leads into this machine's own networks: a build must not ask for its sake what
 * the repository's author could not (builders.md §8.8). Throws `EGRESS_DENIED`.
 */
export async function checkPublic(url: string, options: GuardOptions): Promise<readonly string[]> {
  const { hostname, port, protocol } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  return checkTarget({ host, port: port === '' ? (protocol === 'http:' ? 80 : 443) : Number(port) }, options);
}

async function checkTarget(
  target: { readonly host: string; readonly port: number },
  { allowedHosts, resolve = systemResolve }: GuardOptions,
): Promise<readonly string[]> {
  const name = `${target.host}:${target.port}`;
  // A public name needs no permission here, a literal address does: nothing says whose it is.
  const own = isIP(target.host) === 0 ? [name] : [];
  // Here it is the person who builds that allowed them, and a private address by its number alone.
  const privateHosts = allowedHosts.filter(
    (entry) => isIP(entry.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')) !== 0,
  );
  const verdict = await decide(target, { allowed: [...allowedHosts, ...own], privateHosts }, resolve);
  if (verdict.allowed) return verdict.addresses;
  throw new GalleyError(
    'EGRESS_DENIED',
    `The repository may not lead this machine to ${name}: ${verdict.reason}.`,
    {
      hint: `galley build --allow ${name} if you mean it.`,
      details: { host: name },
    },
  );
}

/** An HTTP client for addresses that a repository names: every connection, also after a redirect, goes to an address that was checked. */
export function openGuardedHttp(options: GuardOptions, env: NodeJS.ProcessEnv = process.env): Dispatcher {
  // Behind a proxy it is the proxy that connects, and this machine resolves nothing.
  if (['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'].some((name) => (env[name] ?? '') !== ''))
    return openHttp(env);
  const connect = buildConnector({ timeout: 20_000 });
  const connectChecked = async (...[target, callback]: Parameters<typeof connect>): Promise<void> => {
    const host = target.hostname.replace(/^\[|\]$/g, '');
    const port = target.port === '' ? (target.protocol === 'http:' ? 80 : 443) : Number(target.port);
    let addresses: readonly string[];
    try {
      addresses = await checkTarget({ host, port }, options);
    } catch (error) {
      callback(error instanceof Error ? error : new Error(String(error)), null);
      return;
    }
    connect({ ...target, hostname: addresses[0] ?? host, servername: target.servername ?? host }, callback);
  };
  const agent = new Agent({
    headersTimeout: 60_000,
    bodyTimeout: 60_000,
    connect: (target, callback) => void connectChecked(target, callback),
  });
  return agent.compose(interceptors.redirect({ maxRedirections: 5 }));
}
