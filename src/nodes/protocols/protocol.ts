import type { ImageOutput, KindInput, KindName, Media, TranscriptOutput } from '../../kinds/index.ts';
import type { NodeClient } from './client.ts';

/**
 * How a running call can be stopped. On `none` and `queued-only` the call is left open and its answer frees
 * the slot; on `disconnect` aborting {@link Call.signal} stops it; on `api` the protocol's own `stop` does.
 */
export type StopCapability = 'none' | 'queued-only' | 'disconnect' | 'api';

/** A file that a node made, still in memory. */
export interface MadeFile {
  readonly bytes: Uint8Array;
  /** As the bytes themselves say, not as the node claims. */
  readonly mimeType: string;
}

/** What a node's work comes to, before files become artifacts. */
export interface MadeByKind {
  TEXT_TO_IMAGE: Omit<ImageOutput, 'images'> & { images: MadeFile[] };
  SPEECH_TO_TEXT: TranscriptOutput;
}

/** One attempt's call, as a protocol sees it. */
export interface Call<K extends KindName> {
  readonly node: NodeClient;
  readonly model: string;
  readonly input: KindInput<K>;
  /** The files of the input, in the order of the kind's `media`. */
  readonly media: readonly Media[];
  /** Unique over all attempts: for nodes that take a client's id. */
  readonly attemptId: string;
  /** Aborts at the attempt's timeout, and at a cancel where the protocol stops on disconnect. */
  readonly signal: AbortSignal;
  /** Real progress only: a fraction between 0 and 1 that never falls, or null where the node tells none. */
  progress(value: number | null, message?: string): void;
}

export interface Readiness {
  readonly ready: boolean;
  /** For people: why it is not. */
  readonly detail?: string;
}

/**
 * How to speak to one sort of inference server. Everything a protocol throws is a `NodeFault` (see
 * `fault.ts`), which says whose fault it was, or the reason of the call's signal; other errors are bugs.
 */
export interface NodeProtocol<Name extends string = string> {
  /** As in the GraphQL enum `NodeProtocol`: `FAST_WHISPER`. */
  readonly name: Name;
  readonly stop: StopCapability;
  /** Kinds that it does, and how. */
  readonly run: { readonly [K in KindName]?: (call: Call<K>) => Promise<MadeByKind[K]> };
  /**
   * The server's own readiness check, body included. Never throws for a server that is down, or silent until
   * the signal aborts: it is not ready.
   */
  ready(node: NodeClient, signal: AbortSignal): Promise<Readiness>;
}
