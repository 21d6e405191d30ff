import { GalleyError } from '@galley/api/error/galley-error';
import { decide, systemResolve, type Resolve } from '@galley/engine/egress/allow-list';
import { formatHostPort, type HostPort } from '@galley/engine/egress/host-port';
import { Agent, buildConnector, interceptors, type Dispatcher } from 'undici';
import { hasProxy, openHttp } from './http.ts';

export interface GuardOptions {
  /** The operator's `host:port` that may lead to a private address, read at each connection (DESIGN.md §5). */
  readonly privateHosts: () => Promise<readonly string[]>;
  readonly resolve?: Resolve;
}

const defaultPorts: Readonly<Record<string, number>> = { 'http:': 80, 'ssh:': 22, 'git:': 9418 };

/**
 * Refuses an address that a repository names and that leads into this machine's own networks: a build must not ask for its sake what
 * the repository's author could not (builders.md §8.8). Throws `EGRESS_DENIED`.
 */
export async function checkPublic(
  url: string,
  options: GuardOptions,
  env: NodeJS.ProcessEnv = process.env,
): Promise<void> {
  await checkedAddresses(url, options, env);
}

/**
 * The addresses that a program of ours must be held to when it connects to `url`: what the name means a moment later may be something else
 * (DNS rebinding, engine.md §3). None: the name has no address now, and may have one then. Undefined: a proxy connects. Throws `EGRESS_DENIED`.
 */
export async function checkedAddresses(
  url: string,
  options: GuardOptions,
  env: NodeJS.ProcessEnv = process.env,
): Promise<readonly string[] | undefined> {
  const target = new URL(url);
  // Behind a proxy it is the proxy that connects, and this machine resolves nothing.
  if (/^https?:$/.test(target.protocol) && hasProxy(env)) return undefined;
  return checkTarget(targetOf(target), options);
}

function targetOf({ hostname, port, protocol }: Pick<URL, 'hostname' | 'port' | 'protocol'>): HostPort {
  const host = hostname.replace(/^\[|\]$/g, '');
  return { host, port: port === '' ? (defaultPorts[protocol] ?? 443) : Number(port) };
}

/** The addresses to connect to; none: it has no address, which is nobody's refusal. */
async function checkTarget(
  target: HostPort,
  { privateHosts, resolve = systemResolve }: GuardOptions,
): Promise<readonly string[]> {
  const name = formatHostPort(target);
  // A public address needs no permission here.
  const verdict = await decide(target, { allowed: [name], privateHosts: await privateHosts() }, resolve);
  if (verdict.allowed) return verdict.addresses;
  if (verdict.why === 'unresolved') return [];
  throw new GalleyError(
    'EGRESS_DENIED',
    `Neither a source nor a repository may lead this machine to ${name}: ${verdict.reason}.`,
    {
      hint: `Whoever runs this machine lists it, if it is meant: echo ${name} >> GALLEY_HOME/private-hosts`,
      details: { host: name, private: true },
    },
  );
}

/**
 * An HTTP client for addresses that a source or a repository names: every connection, also after a redirect, goes to an address that was
 * checked. `redirects: 0` is for who looks at the way himself (`guarded-request.ts`).
 */
export function openGuardedHttp(
  options: GuardOptions,
  { redirects = 5 }: { readonly redirects?: number } = {},
  env: NodeJS.ProcessEnv = process.env,
): Dispatcher {
  if (hasProxy(env)) return openHttp(env, { redirects });
  const connect = buildConnector({ timeout: 20_000 });
  const connectChecked = async (...[target, callback]: Parameters<typeof connect>): Promise<void> => {
    const { host, port } = targetOf(target);
    try {
      const [hostname] = await checkTarget({ host, port }, options);
      if (hostname === undefined) throw new Error(`${host} has no address`);
      connect({ ...target, hostname, servername: target.servername ?? host }, callback);
    } catch (error) {
      callback(error instanceof Error ? error : new Error(String(error)), null);
    }
  };
  const agent = new Agent({
    headersTimeout: 60_000,
    bodyTimeout: 60_000,
    connect: (target, callback) => void connectChecked(target, callback),
  });
  return agent.compose(interceptors.redirect({ maxRedirections: redirects }));
}
