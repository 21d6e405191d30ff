import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { isPublicAddress } from './address-policy.ts';
import { formatHostPort, parseHostPort, type HostPort } from './host-port.ts';

/** Finds the addresses of a name; a parameter, so that tests can play an attacker's name server. */
export type Resolve = (host: string) => Promise<readonly string[]>;

/** The system's resolver, /etc/hosts included. */
export const systemResolve: Resolve = async (host) =>
  (await lookup(host, { all: true, verbatim: true })).map(({ address }) => address);

/** Where to connect, or why not. */
export type Verdict =
  | { readonly allowed: true; readonly addresses: readonly string[] }
  | { readonly allowed: false; readonly reason: string };

/**
 * Decides whether a target may be reached and pins it: the caller connects to the addresses returned here and never
 * resolves again. `allowed` holds `host:port`.
 */
export async function decide(
  target: HostPort,
  allowed: readonly string[],
  resolve: Resolve,
): Promise<Verdict> {
  const listed = new Set(
    allowed.flatMap((entry) => {
      const parsed = parseHostPort(entry);
      return parsed === undefined ? [] : [formatHostPort(parsed)];
    }),
  );
  const name = formatHostPort(target);
  if (!listed.has(name)) return { allowed: false, reason: `${name} is not in the list of allowed hosts` };
  if (isIP(target.host) !== 0) return { allowed: true, addresses: [target.host] };
  let found: readonly string[];
  try {
    found = await resolve(target.host);
  } catch {
    return { allowed: false, reason: `${target.host} has no address` };
  }
  const addresses = found.filter(
    (address) => isPublicAddress(address) || listed.has(formatHostPort({ host: address, port: target.port })),
  );
  if (addresses.length > 0) return { allowed: true, addresses };
  const literal = formatHostPort({ host: found[0] ?? '', port: target.port });
  return {
    allowed: false,
    reason: `${target.host} leads to a private address: allow ${literal} too if you mean it`,
  };
}
