import { BlockList, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';

/** Networks that no name may lead to: this machine, its neighbours, the cloud's metadata, and what is not unicast. */
const notPublic: readonly (readonly [network: string, prefix: number, family: 'ipv4' | 'ipv6'])[] = [
  ['0.0.0.0', 8, 'ipv4'],
  ['10.0.0.0', 8, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['127.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.0.0.0', 24, 'ipv4'],
  ['192.0.2.0', 24, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['198.18.0.0', 15, 'ipv4'],
  ['198.51.100.0', 24, 'ipv4'],
  ['203.0.113.0', 24, 'ipv4'],
  ['224.0.0.0', 4, 'ipv4'],
  ['240.0.0.0', 4, 'ipv4'],
  ['::', 127, 'ipv6'],
  ['64:ff9b::', 96, 'ipv6'],
  ['64:ff9b:1::', 48, 'ipv6'],
  ['100::', 64, 'ipv6'],
  ['2001:db8::', 32, 'ipv6'],
  ['2002::', 16, 'ipv6'],
  ['fc00::', 7, 'ipv6'],
  ['fe80::', 10, 'ipv6'],
  ['fec0::', 10, 'ipv6'],
  ['ff00::', 8, 'ipv6'],
];

/**
 * True when the address may be connected to because it, or a name that leads there, is allowed. Anything else the operator
 * must list: a repository may list what it likes, and a name of its own resolves to whatever it likes
 * (DESIGN.md §5; engine.md §3, DNS rebinding). This machine's own addresses count as private, public or not.
 */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 0) return false;
  const blocked = new BlockList();
  for (const [network, prefix, kind] of notPublic) blocked.addSubnet(network, prefix, kind);
  for (const own of Object.values(networkInterfaces()).flat()) {
    if (own !== undefined) blocked.addAddress(own.address, own.family === 'IPv6' ? 'ipv6' : 'ipv4');
  }
  // An IPv4 address in IPv6 clothes (::ffff:10.0.0.1) is matched against the IPv4 networks too.
  return !blocked.check(address, family === 6 ? 'ipv6' : 'ipv4');
}
