import { isIP } from 'node:net';
import { GalleyError } from '@galley/api/error/galley-error';
import { checkedAddresses, type GuardOptions } from '../../download/guarded-http.ts';
import { hostUrl, type GitAddress } from './address.ts';

/** curl takes a sign before a name as an order: `-name` forgets what it was told of the name. */
const plainName = /^[a-z0-9_]/i;

/**
 * The addresses that git is held to: it would ask the name once more, and whoever answers may say another thing then (DNS rebinding). Undefined: there
 * is no name, or a proxy asks it. Throws `EGRESS_DENIED`, and `SOURCE_UNREACHABLE` for a name that has no address now: it could have one by then.
 */
async function heldTo(url: URL, guard: GuardOptions): Promise<readonly string[] | undefined> {
  const addresses = await checkedAddresses(url.href, guard);
  if (addresses === undefined || isIP(bare(url.hostname)) !== 0) return undefined;
  if (addresses.length > 0 && plainName.test(url.hostname)) return addresses;
  throw new GalleyError('SOURCE_UNREACHABLE', `${url.hostname} has no address.`, {
    hint: 'Check the address, and the name server of this machine, then try again.',
    details: { host: url.hostname },
  });
}

/** Configuration by which git connects to the addresses that were checked. The name stays that of the URL, and so does the certificate's. Throws as `heldTo`. */
export async function pinHttp(url: string, guard: GuardOptions): Promise<Record<string, string>> {
  const target = new URL(url);
  const addresses = await heldTo(target, guard);
  if (addresses === undefined) return {};
  const { hostname, port, protocol } = target;
  // curl's CURLOPT_RESOLVE, as git knows it from 2.37 on.
  const number = port === '' ? (protocol === 'http:' ? '80' : '443') : port;
  return { 'http.curloptResolve': `${hostname}:${number}:${addresses.map(bracketed).join(',')}` };
}

/** Lines of ssh's configuration to the same end; keys are looked up under the host's own name. Throws as `heldTo`. */
export async function pinSsh(address: GitAddress, guard: GuardOptions): Promise<readonly string[]> {
  const url = new URL(hostUrl(address));
  const addresses = await heldTo(url, guard);
  if (addresses === undefined) return [];
  const host = bare(url.hostname);
  return [
    `HostName ${oneOf(addresses)}`,
    `HostKeyAlias ${/^(?:22)?$/.test(url.port) ? host : `[${host}]:${url.port}`}`,
  ];
}

/** The address of git's own protocol, which has no certificate and no use for the name. Throws as `heldTo`. */
export async function pinGit(address: GitAddress, guard: GuardOptions): Promise<string> {
  const url = new URL(address.url);
  const addresses = await heldTo(url, guard);
  if (addresses !== undefined) url.hostname = bracketed(oneOf(addresses));
  return url.href;
}

/** Of several addresses where only one can be named: IPv4 goes everywhere. */
function oneOf(addresses: readonly string[]): string {
  return addresses.find((one) => isIP(one) === 4) ?? addresses[0] ?? '';
}

function bracketed(address: string): string {
  return isIP(address) === 6 ? `[${address}]` : address;
}

function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}
