import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { Agent, type Dispatcher } from 'undici';
import { within } from '../within.ts';
import { bareHost, createPublicCheck } from './addresses.ts';
import { createHosts } from './hosts.ts';

/** A URL that must not be fetched from inside. The message is for whoever gave it. */
export class ForbiddenUrlError extends Error {
  override readonly name = 'ForbiddenUrlError';
}

/** What the guard refused, in whatever the request failed with; undefined where it failed of something else. */
export function forbiddenCause(error: unknown): ForbiddenUrlError | undefined {
  if (error instanceof ForbiddenUrlError) return error;
  // undici wraps what the lookup threw, sometimes in an AggregateError.
  if (error instanceof AggregateError) return error.errors.map(forbiddenCause).find(Boolean);
  return error instanceof Error && error.cause !== undefined ? forbiddenCause(error.cause) : undefined;
}

/** Keeps requests for URLs that others give away from private networks. */
export interface UrlGuard {
  /**
   * What to send a request for this URL with: it connects to no private address, whatever the name resolves to by
   * then. To be asked again for each redirect.
   * @param ownHost the host of whoever gave the URL: allowed wherever it is
   * @throws ForbiddenUrlError
   */
  dispatcherFor(url: URL, ownHost?: string): Promise<Dispatcher>;
  /**
   * Looks the name up as well, to tell whoever gives a URL at once that it would be refused. One that can't be
   * resolved within two seconds passes: it may be there later, and is judged again by each request.
   * @throws ForbiddenUrlError
   */
  check(url: URL): Promise<void>;
  close(): Promise<void>;
}

export interface UrlGuardOptions {
  /**
   * What may be asked for wherever it is: hosts (`minio`, `minio:9000`, `*.example.internal`), addresses and
   * networks (`10.1.0.0/16`). A host is trusted whatever it resolves to; a network covers names that lead into it.
   */
  readonly allowHosts: readonly string[];
  /** How names are resolved; the system's way by default. */
  readonly lookup?: typeof systemLookup;
}

const CONNECT_TIMEOUT_MS = 5_000;
const CHECK_TIMEOUT_MS = 2_000;

const notPublic = (host: string) =>
  new ForbiddenUrlError(`the host ${host} is not on the public internet, and not allowed on this server`);

type Allows = (address: string) => boolean;

/** Resolves names as usual, and fails where any of the addresses is not allowed. */
function guardedLookup(allows: Allows, lookup: typeof systemLookup): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      const first = addresses?.[0];
      if (error) callback(error, []);
      else if (!first || !addresses.every(({ address }) => allows(address))) {
        callback(notPublic(hostname), []);
      } else if (options.all) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}

/** @throws ForbiddenUrlError for what no server is asked for, wherever it is */
function assertOfTheWeb({ protocol, username, password }: URL): void {
  if (protocol !== 'http:' && protocol !== 'https:') {
    throw new ForbiddenUrlError('the URL must begin with http:// or https://');
  }
  if (username !== '' || password !== '') {
    throw new ForbiddenUrlError('the URL must not bear a user name or a password');
  }
}

export function createUrlGuard({ allowHosts, lookup = systemLookup }: UrlGuardOptions): UrlGuard {
  const isPublic = createPublicCheck();
  const hosts = createHosts(allowHosts);
  const allows: Allows = (address) => isPublic(address) || hosts.contains(address);
  const resolve = guardedLookup(allows, lookup);
  const guarded = new Agent({ connect: { timeout: CONNECT_TIMEOUT_MS, lookup: resolve } });
  const open = new Agent({ connect: { timeout: CONNECT_TIMEOUT_MS } });

  async function dispatcherFor(url: URL, ownHost?: string): Promise<Dispatcher> {
    assertOfTheWeb(url);
    if (url.hostname === ownHost || hosts.names(url)) return open;
    // No name, no lookup: what is written out as an address is judged here.
    const literal = bareHost(url.hostname);
    if (isIP(literal) !== 0 && !isPublic(literal)) throw notPublic(url.hostname);
    return guarded;
  }

  return {
    dispatcherFor,
    async check(url) {
      const isTrusted = (await dispatcherFor(url)) === open;
      if (isTrusted || isIP(bareHost(url.hostname)) !== 0) return;
      const looking = new Promise<void>((done, refuse) => {
        resolve(url.hostname, { all: true }, (error) => {
          if (error instanceof ForbiddenUrlError) refuse(error);
          else done();
        });
      });
      await within(CHECK_TIMEOUT_MS, looking);
    },
    async close() {
      await Promise.all([guarded.destroy(), open.destroy()]);
    },
  };
}
