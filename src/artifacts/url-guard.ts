import { type LookupAddress, lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { Agent, type Dispatcher } from 'undici';

/** A URL that a caller gave, and that must not be fetched from inside. The message is for the caller. */
export class ForbiddenUrlError extends Error {
  override readonly name = 'ForbiddenUrlError';
}

/** Keeps requests for URLs that callers give away from private networks. */
export interface UrlGuard {
  /**
   * What to fetch this URL with: it connects to no private address, whatever the name resolves to by then.
   * To be asked again for each redirect.
   * @throws ForbiddenUrlError
   */
  dispatcherFor(url: URL): Promise<Dispatcher>;
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 5_000;

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
] as const;

const forbidden6 = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const;

/** Addresses of the internet: everything else is somebody's own network, a tunnel, or nothing. */
function createPublicCheck(): (address: string) => boolean {
  const forbidden = new BlockList();
  for (const [network, bits] of forbidden4) forbidden.addSubnet(network, bits, 'ipv4');
  for (const [network, bits] of forbidden6) forbidden.addSubnet(network, bits, 'ipv6');
  const global6 = new BlockList();
  global6.addSubnet('2000::', 3, 'ipv6');
  // IPv4 addresses as IPv6 ones are judged as what they are.
  global6.addSubnet('::ffff:0:0', 96, 'ipv6');
  return (address) => {
    const version = isIP(address);
    if (version === 4) return !forbidden.check(address, 'ipv4');
    return version === 6 && global6.check(address, 'ipv6') && !forbidden.check(address, 'ipv6');
  };
}

const notPublic = (host: string) =>
  new ForbiddenUrlError(`the host ${host} is not on the public internet, and not allowed on this server`);

/** Resolves names as usual, and fails where any of the addresses is not public. */
function guardedLookup(isPublic: (address: string) => boolean): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      const first = addresses?.[0];
      if (error) callback(error, []);
      else if (!first || !addresses.every(({ address }) => isPublic(address))) {
        callback(notPublic(hostname), []);
      } else if (options.all) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}

/**
 * @param allowHosts hosts that may be anywhere, with a port (`10.0.0.5:9000`) or, for all ports, without
 */
export function createUrlGuard({ allowHosts }: { allowHosts: readonly string[] }): UrlGuard {
  const isPublic = createPublicCheck();
  const allowed = new Set(allowHosts.map((host) => host.toLowerCase()));
  const guarded = new Agent({
    connect: { timeout: CONNECT_TIMEOUT_MS, lookup: guardedLookup(isPublic) },
  });
  const open = new Agent({ connect: { timeout: CONNECT_TIMEOUT_MS } });
  return {
    async dispatcherFor(url) {
      if (url.protocol !== 'http:' && url.protocol !== 'https:') {
        throw new ForbiddenUrlError('the URL must begin with http:// or https://');
      }
      if (allowed.has(url.host) || allowed.has(url.hostname)) return open;
      // No name, no lookup: what is written out as an address is judged here.
      const literal = url.hostname.replace(/^\[(.*)\]$/, '$1');
      if (isIP(literal) !== 0 && !isPublic(literal)) throw notPublic(url.hostname);
      return guarded;
    },
    async close() {
      await Promise.all([guarded.destroy(), open.destroy()]);
    },
  };
}
