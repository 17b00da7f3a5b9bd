import { WebSocket } from 'ws';
import type { NodeSocket, SocketOptions } from '../client.ts';
import { unreachable } from './answer.ts';

const HANDSHAKE_MS = 2_000;
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/** Resolves once the socket is open. @throws NodeFault where it can't be opened; the signal's reason */
export function openSocket(
  url: URL,
  headers: Readonly<Record<string, string>>,
  { signal, onMessage }: SocketOptions,
): Promise<NodeSocket> {
  if (signal.aborted) return Promise.reject(signal.reason);
  const { promise, resolve, reject } = Promise.withResolvers<NodeSocket>();
  const closed = Promise.withResolvers<void>();
  const socket = new WebSocket(url, {
    headers,
    handshakeTimeout: HANDSHAKE_MS,
    maxPayload: MAX_MESSAGE_BYTES,
  });
  const abort = () => socket.terminate();
  signal.addEventListener('abort', abort, { once: true });
  socket.on('message', (data: Buffer, isBinary) => onMessage(isBinary ? data : data.toString()));
  // An error is always followed by a close; before it was open it says why there is no socket.
  socket.on('error', (error) => reject(signal.aborted ? signal.reason : unreachable(error)));
  socket.once('close', () => {
    signal.removeEventListener('abort', abort);
    closed.resolve();
  });
  socket.once('open', () =>
    resolve({ closed: closed.promise, send: (text) => socket.send(text), close: abort }),
  );
  return promise;
}
