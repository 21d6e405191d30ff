import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { getCACertificates } from 'node:tls';
import { Agent, EnvHttpProxyAgent, Pool, type Dispatcher } from 'undici';

export interface RegistryHttpOptions {
  /** For `HTTPS_PROXY`, `NO_PROXY` and `HOME`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Certificates of further authorities in PEM, by the host that they are for: `127.0.0.1:7443`. */
  readonly authorities?: Readonly<Record<string, string>>;
  /** Milliseconds without a byte before a registry counts as gone. Default 60,000. */
  readonly silenceMs?: number;
}

/**
 * The HTTP client for registries: honours proxies, trusts what Node trusts, and for one host what lies under `certs.d/HOST/*.crt` as docker and
 * containers keep it. Redirects and retries are not its business: each has rules here that a general client does not know.
 */
export function openRegistryHttp(options: RegistryHttpOptions): Dispatcher {
  const { env, silenceMs = 60_000 } = options;
  const common = {
    connections: 8,
    headersTimeout: silenceMs,
    bodyTimeout: silenceMs,
    connect: { timeout: 20_000 },
  };
  const factory = (origin: string | URL, given: object): Dispatcher => {
    const authorities = authoritiesOf(new URL(origin).host, options);
    if (authorities.length === 0) return new Pool(origin, { ...given });
    const ca = [...getCACertificates('default'), ...authorities];
    return new Pool(origin, { ...given, connect: { timeout: 20_000, ca } });
  };
  const hasProxy = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy'].some(
    (name) => (env[name] ?? '') !== '',
  );
  if (!hasProxy) return new Agent({ ...common, factory });
  const named = (name: string): string => env[name.toLowerCase()] ?? env[name] ?? '';
  return new EnvHttpProxyAgent({
    ...common,
    factory,
    ...(named('HTTP_PROXY') === '' ? {} : { httpProxy: named('HTTP_PROXY') }),
    ...(named('HTTPS_PROXY') === '' ? {} : { httpsProxy: named('HTTPS_PROXY') }),
    // Registries of this machine are never behind a proxy.
    noProxy: [named('NO_PROXY'), 'localhost', '127.0.0.1', '::1'].filter((part) => part !== '').join(','),
  });
}

function authoritiesOf(host: string, options: RegistryHttpOptions): readonly string[] {
  const given = options.authorities?.[host];
  const home = options.env['HOME'] ?? '';
  const folders = [
    ...(home === '' ? [] : [join(home, '.config', 'containers', 'certs.d')]),
    '/etc/containers/certs.d',
    '/etc/docker/certs.d',
  ];
  return [
    ...(given === undefined ? [] : [given]),
    ...folders.flatMap((folder) => certificatesIn(join(folder, host))),
  ];
}

function certificatesIn(folder: string): readonly string[] {
  try {
    const names = readdirSync(folder).filter((name) => name.endsWith('.crt'));
    return names.map((name) => readFileSync(join(folder, name), 'utf8'));
  } catch {
    // No such folder, or not ours to read: then there is nothing more to trust.
    return [];
  }
}
