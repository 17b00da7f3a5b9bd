import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, type Request, text } from './protocols/protocol.ts';
import type { Failure } from './settings.ts';

const CHUNK = Buffer.alloc(64 * 1024, ' ');

/** The whole request; rejects where the caller hangs up before its end. */
export async function readRequest(incoming: IncomingMessage): Promise<Request> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const url = new URL(incoming.url ?? '/', `http://${incoming.headers.host ?? 'localhost'}`);
  const headers = Object.entries(incoming.headers).map(([name, value]) => [name, [value].flat().join(', ')]);
  return {
    route: `${incoming.method} ${url.pathname}`,
    url,
    headers: Object.fromEntries(headers),
    bytes: new Uint8Array(Buffer.concat(chunks)),
  };
}

export function send(response: ServerResponse, { status, type, body, headers }: Answer): void {
  const bytes = Buffer.from(body);
  // The end of a stream.
  if (response.headersSent) return void response.end(bytes);
  response.writeHead(status, { 'content-type': type, 'content-length': bytes.length, ...headers }).end(bytes);
}

/** Sends a part of an answer whose end is still to come. */
export function sendPart(response: ServerResponse, { status, type, body }: Answer): void {
  if (!response.headersSent) response.writeHead(status, { 'content-type': type });
  response.write(body);
}

/** Sends an answer broken as ordered; resolves once the connection is closed, or the broken answer sent. */
export async function sendBroken(response: ServerResponse, good: Answer, failure: Failure): Promise<void> {
  if (response.closed) return;
  const closed = once(response, 'close');
  switch (failure.type) {
    case 'status':
      return send(response, {
        ...text(failure.status, failure.body ?? `status ${failure.status}`),
        ...(failure.headers ? { headers: failure.headers } : {}),
      });
    case 'wrong-content':
      return send(response, text(200, '<!doctype html><title>Welcome to nginx!</title>', 'text/html'));
    case 'mislabeled':
      return send(response, { ...good, type: 'text/html' });
    case 'no-http':
      response.socket?.end('SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n');
      break;
    case 'hang':
      break;
    case 'reset':
      response.socket?.resetAndDestroy();
      break;
    case 'stall':
      await Promise.race([writeHalf(response, good), closed]);
      break;
    case 'cut-short':
      await Promise.race([writeHalf(response, good), closed]);
      response.destroy();
      break;
    case 'giant':
      response.writeHead(200, { 'content-type': good.type });
      for (let sent = 0; sent < failure.bytes && !response.destroyed; sent += CHUNK.length) {
        if (!response.write(CHUNK)) await Promise.race([once(response, 'drain'), closed]);
      }
      response.end();
      break;
    default:
      return send(response, good);
  }
  if (!response.closed) await closed;
}

async function writeHalf(response: ServerResponse, { type, body }: Answer): Promise<void> {
  const bytes = Buffer.from(body);
  response.writeHead(200, { 'content-type': type, 'content-length': bytes.length });
  const { promise, resolve } = Promise.withResolvers<void>();
  response.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => resolve());
  await promise;
}

/** Resolves after so long; rejects with the signal's reason where it aborts before. */
export async function pass(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (ms <= 0) return;
  await sleep(ms, undefined, { signal }).catch(() => signal.throwIfAborted());
}
