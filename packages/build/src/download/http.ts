import { Agent, EnvHttpProxyAgent, interceptors, type Dispatcher } from 'undici';

/**
 * An HTTP client that honours HTTP_PROXY, HTTPS_PROXY and NO_PROXY, follows redirects (undici drops credentials when the host
 * changes) and repeats what a busy server refused. Certificates come from NODE_EXTRA_CA_CERTS, which Node reads itself. `redirects: 0`
 * is for who must look at every address before it is asked.
 */
export function openHttp(
  env: NodeJS.ProcessEnv = process.env,
  { redirects = 5 }: { readonly redirects?: number } = {},
): Dispatcher {
  const options = {
    connections: 16,
    connect: { timeout: 20_000 },
    headersTimeout: 60_000,
    bodyTimeout: 60_000,
  };
  const agent = hasProxy(env) ? new EnvHttpProxyAgent(options) : new Agent(options);
  return agent.compose(
    interceptors.retry({ maxRetries: 3, minTimeout: 200, maxTimeout: 3000, throwOnError: false }),
    interceptors.redirect({ maxRedirections: redirects }),
  );
}

/** Whether this machine reaches the web through a proxy. */
export function hasProxy(env: NodeJS.ProcessEnv): boolean {
  return ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy'].some((name) => (env[name] ?? '') !== '');
}

/** Basic credentials of `https://user:password@host/…`, and the address without them: they must not reach logs. */
export function splitUrl(url: string): {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
} {
  const parsed = new URL(url);
  if (parsed.username === '' && parsed.password === '') return { url: parsed.href, headers: {} };
  const user = `${decodeURIComponent(parsed.username)}:${decodeURIComponent(parsed.password)}`;
  parsed.username = '';
  parsed.password = '';
  return { url: parsed.href, headers: { authorization: `Basic ${Buffer.from(user).toString('base64')}` } };
}
