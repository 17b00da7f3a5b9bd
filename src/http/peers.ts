import type { IncomingMessage } from 'node:http';

/** Who asks, and for which host, with or without a proxy before the server. */
export interface Peers {
  addressOf(request: IncomingMessage): string;
  hostOf(request: IncomingMessage): string | undefined;
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(',') : value;
}

/** @param trustProxy whether `X-Forwarded-For` and `X-Forwarded-Host` are a proxy's own, and not a caller's */
export function createPeers(trustProxy: boolean): Peers {
  return {
    addressOf(request) {
      // The last entry is what the proxy itself saw; those before it anybody can make up.
      const forwarded = trustProxy
        ? header(request, 'x-forwarded-for')?.split(',').at(-1)?.trim()
        : undefined;
      return forwarded || request.socket.remoteAddress || 'unknown';
    },
    hostOf(request) {
      const forwarded = trustProxy ? header(request, 'x-forwarded-host')?.split(',')[0]?.trim() : undefined;
      return forwarded || request.headers.host;
    },
  };
}
