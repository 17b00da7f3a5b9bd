import { BlockList, isIP } from 'node:net';
import { bareHost, familyOf } from './addresses.ts';

/** Hosts that an operator names, in patterns such as {@link hostPatternProblem} takes. */
export interface Hosts {
  readonly isEmpty: boolean;
  /** Whether a URL names one of them; an address does where a network has it. */
  names(url: URL): boolean;
  /** Whether a network among them has the address. */
  contains(address: string): boolean;
}

interface Pattern {
  readonly host: string;
  /** Null where every port is meant. */
  readonly port: number | null;
}

const portOf = ({ port, protocol }: URL): number => Number(port) || (protocol === 'https:' ? 443 : 80);

/** An address, with or without the length of a prefix. */
function networkOf(pattern: string): { address: string; bits: number } | null {
  const [address = '', prefix, ...rest] = pattern.split('/');
  const bare = bareHost(address);
  if (isIP(bare) === 0 || rest.length > 0) return null;
  const most = isIP(bare) === 6 ? 128 : 32;
  const bits = prefix === undefined ? most : Number(prefix);
  return { address: bare, bits: /^\d+$/.test(prefix ?? '0') && bits <= most ? bits : Number.NaN };
}

function patternOf(text: string): Pattern | null {
  const [, host = '', port] = /^(\[[^\]]+\]|(?:\*\.)?[^\s:/*@]+)(?::(\d{1,5}))?$/.exec(text) ?? [];
  return host === '' ? null : { host: host.toLowerCase(), port: port === undefined ? null : Number(port) };
}

/** What is wrong with a pattern of hosts; null where nothing is. */
export function hostPatternProblem(text: string): string | null {
  const network = networkOf(text);
  const isRight = network === null ? patternOf(text) !== null : !Number.isNaN(network.bits);
  if (isRight) return null;
  return `"${text}" must be a host (gpu-1, gpu-1:9000, *.gpu.internal), an address or a network (10.1.0.0/16)`;
}

function matches({ host, port }: Pattern, url: URL): boolean {
  if (port !== null && port !== portOf(url)) return false;
  const name = url.hostname.toLowerCase();
  return host.startsWith('*.') ? name.endsWith(host.slice(1)) : name === host;
}

/** @param patterns without a {@link hostPatternProblem} */
export function createHosts(patterns: readonly string[]): Hosts {
  const networks = new BlockList();
  const named: Pattern[] = [];
  for (const text of patterns) {
    const network = networkOf(text);
    const pattern = network === null ? patternOf(text) : null;
    if (network) networks.addSubnet(network.address, network.bits, familyOf(network.address));
    if (pattern) named.push(pattern);
  }
  const contains = (address: string): boolean =>
    isIP(address) !== 0 && networks.check(address, familyOf(address));
  return {
    isEmpty: patterns.length === 0,
    contains,
    names: (url) => contains(bareHost(url.hostname)) || named.some((pattern) => matches(pattern, url)),
  };
}
