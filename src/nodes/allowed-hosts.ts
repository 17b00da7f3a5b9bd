import { BlockList, isIP } from 'node:net';

/** Where a cloud tells a machine its secrets: no node is there. */
const linkLocal = new BlockList();
linkLocal.addSubnet('169.254.0.0', 16, 'ipv4');
linkLocal.addSubnet('fe80::', 10, 'ipv6');

type Rule = (host: string) => boolean;

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4');

function ruleOf(pattern: string): Rule {
  const [address = '', prefix] = pattern.split('/');
  if (isIP(address) > 0) {
    const list = new BlockList();
    list.addSubnet(address, Number(prefix ?? (isIP(address) === 6 ? 128 : 32)), familyOf(address));
    return (host) => isIP(host) > 0 && list.check(host, familyOf(host));
  }
  const name = pattern.toLowerCase();
  if (name.startsWith('*.')) return (host) => host.endsWith(name.slice(1));
  return (host) => host === name;
}

/**
 * Where nodes may register themselves: at hosts that match one of the patterns (`gpu-1`, `*.gpu.internal`,
 * `10.1.0.0/16`), or without any everywhere. Private addresses are where most nodes are; link-local ones are
 * never allowed.
 */
export function createAllowedHosts(patterns: readonly string[]): (url: URL) => boolean {
  const rules = patterns.map(ruleOf);
  return ({ hostname }) => {
    const host = hostname.toLowerCase().replace(/^\[(.*)\]$/, '$1');
    if (isIP(host) > 0 && linkLocal.check(host, familyOf(host))) return false;
    return rules.length === 0 || rules.some((allows) => allows(host));
  };
}
