import { BlockList, isIP } from 'node:net';

// IANA's special-purpose registries: what is not globally reachable, and what leads to such addresses in disguise.
const forbidden4 = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  // Public by its number, and yet a machine's own: where Azure answers its virtual machines.
  ['168.63.129.16', 32],
] as const;

const forbidden6 = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const;

/** An address, or none: the brackets of a URL's IPv6 address are taken away. */
export const bareHost = (hostname: string): string => hostname.replace(/^\[(.*)\]$/, '$1');

/** Of an address; what is none counts as IPv4. */
export const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4');

/** Tells addresses of the internet from all others: somebody's own network, a tunnel, or nothing. */
export function createPublicCheck(): (address: string) => boolean {
  const forbidden = new BlockList();
  for (const [network, bits] of forbidden4) forbidden.addSubnet(network, bits, 'ipv4');
  for (const [network, bits] of forbidden6) forbidden.addSubnet(network, bits, 'ipv6');
  const global6 = new BlockList();
  // NAT64, unique local, link-local and multicast addresses are outside of it.
  global6.addSubnet('2000::', 3, 'ipv6');
  // IPv4 addresses as IPv6 ones are judged as what they are.
  global6.addSubnet('::ffff:0:0', 96, 'ipv6');
  return (address) => {
    const version = isIP(address);
    if (version === 4) return !forbidden.check(address, 'ipv4');
    return version === 6 && global6.check(address, 'ipv6') && !forbidden.check(address, 'ipv6');
  };
}
