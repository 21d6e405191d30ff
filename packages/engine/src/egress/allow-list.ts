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
  | {
      readonly allowed: false;
      /** A host that has no address was refused by nobody. */
      readonly why: 'unlisted' | 'private' | 'unresolved';
      readonly reason: string;
    };

/** What may be reached: both hold `host:port`. */
export interface EgressLists {
  /** What the workload was allowed: by who deployed it, or by the repository itself, which may be anybody's. */
  readonly allowed: readonly string[];
  /** What the operator of this machine lists, by name or by address: only these may lead to a private address. */
  readonly privateHosts: readonly string[];
}

/** Decides whether a target may be reached and pins it: the caller connects to the addresses returned here and never resolves again. */
export async function decide(target: HostPort, lists: EgressLists, resolve: Resolve): Promise<Verdict> {
  const name = formatHostPort(target);
  if (!normalised(lists.allowed).has(name)) {
    return { allowed: false, why: 'unlisted', reason: `${name} is not in the list of allowed hosts` };
  }
  const found = await addressesOf(target.host, resolve);
  if (found.length === 0) {
    return { allowed: false, why: 'unresolved', reason: `${target.host} has no address` };
  }
  const trusted = normalised(lists.privateHosts);
  const addresses = found.filter(
    (address) =>
      isPublicAddress(address) ||
      trusted.has(name) ||
      trusted.has(formatHostPort({ host: address, port: target.port })),
  );
  if (addresses.length > 0) return { allowed: true, addresses };
  return {
    allowed: false,
    why: 'private',
    reason: `${name} leads to a private address, which the operator of this machine has not listed`,
  };
}

async function addressesOf(host: string, resolve: Resolve): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host];
  try {
    return await resolve(host);
  } catch {
    return [];
  }
}

/** As they are compared; what is no host and port allows nothing. */
function normalised(entries: readonly string[]): ReadonlySet<string> {
  return new Set(
    entries.flatMap((entry) => {
      const parsed = parseHostPort(entry.trim());
      return parsed === undefined ? [] : [formatHostPort(parsed)];
    }),
  );
}
