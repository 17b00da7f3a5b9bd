import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { type BodyBounds, SMALL_BYTES } from './body-bounds.ts';

/** WebSocket's own codes. */
const TOO_LARGE = 1009;
const TRY_AGAIN_LATER = 1013;

/** Of a control frame of a client, which is never longer than its length fits into a byte. */
const FRAME_BYTES = 6;

export interface MessageBoundsOptions {
  readonly socket: WebSocket;
  /** What carries the socket. */
  readonly raw: Duplex;
  readonly bodies: BodyBounds;
  /** Whether nobody is signed in on it. */
  isStranger(): boolean;
  close(code: number, reason: string): void;
}

/**
 * Bounds a message while it arrives, beside the bound that ws has for all of them: it is in memory as a whole before
 * anybody sees it. A stranger's may be small only, and a larger one takes its part of what all of them share.
 * @returns what to call when a message has arrived; it answers what to call when that has been dealt with
 */
export function boundMessages({
  socket,
  raw,
  bodies,
  isStranger,
  close,
}: MessageBoundsOptions): () => () => void {
  let bytes = 0;
  let giveBack: (() => void) | null = null;

  function cut(code: number, reason: string): void {
    close(code, reason);
    // What is still to come is read by nobody; unread, it would keep the client from reading why.
    raw.removeAllListeners('data').resume();
    raw.end();
  }

  function count(chunk: Uint8Array): void {
    bytes += chunk.byteLength;
    if (giveBack !== null || bytes <= SMALL_BYTES) return;
    if (!isStranger()) giveBack = bodies.json.take(bodies.jsonBytes);
    if (giveBack !== null) return;
    if (isStranger()) cut(TOO_LARGE, 'whoever is not signed in may send small messages only');
    else cut(TRY_AGAIN_LATER, 'too much is being received just now: connect again');
  }

  function uncount(payload: Uint8Array): void {
    bytes = Math.max(0, bytes - payload.byteLength - FRAME_BYTES);
  }

  raw.prependListener('data', count);
  socket.on('ping', uncount).on('pong', uncount);
  socket.once('close', () => giveBack?.());
  return () => {
    bytes = 0;
    const done = giveBack;
    giveBack = null;
    return () => done?.();
  };
}
