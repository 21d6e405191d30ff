import { isIP } from 'node:net';
import { checkedAddresses, type GuardOptions } from '../../download/guarded-http.ts';
import { hostUrl, type GitAddress } from './address.ts';

/**
 * Configuration by which git connects to the addresses that were just checked: it would ask the name once more, and whoever answers may say another
 * thing then (DNS rebinding). The name stays that of the URL, and so does the certificate's. Throws `EGRESS_DENIED`.
 */
export async function pinHttp(url: string, guard: GuardOptions): Promise<Record<string, string>> {
  const { hostname, port, protocol } = new URL(url);
  const addresses = await checkedAddresses(url, guard);
  if (addresses.length === 0 || isIP(hostname.replace(/^\[|\]$/g, '')) !== 0) return {};
  const listed = addresses.map((address) => (isIP(address) === 6 ? `[${address}]` : address)).join(',');
  // curl's CURLOPT_RESOLVE, as git knows it from 2.37 on.
  const number = port === '' ? (protocol === 'http:' ? '80' : '443') : port;
  return { 'http.curloptResolve': `${hostname}:${number}:${listed}` };
}

/** Lines of ssh's configuration to the same end; keys are looked up under the host's own name. Throws `EGRESS_DENIED`. */
export async function pinSsh(address: GitAddress, guard: GuardOptions): Promise<readonly string[]> {
  const url = new URL(hostUrl(address));
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const addresses = await checkedAddresses(url.href, guard);
  // One of them: ssh takes no more. IPv4 goes everywhere.
  const chosen = addresses.find((one) => isIP(one) === 4) ?? addresses[0];
  if (chosen === undefined || isIP(host) !== 0) return [];
  return [
    `HostName ${chosen}`,
    `HostKeyAlias ${/^(?:22)?$/.test(url.port) ? host : `[${host}]:${url.port}`}`,
  ];
}
