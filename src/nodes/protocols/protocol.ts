import type { KindInput, KindName, KindOutput, MadeFileId, Media } from '../../kinds/index.ts';
import type { NodeClient } from './client.ts';
import type { Workflow } from './comfyui/workflow.ts';

/**
 * How a running call can be stopped. On `none` and `queued-only` the call is left open and its answer frees
 * the slot; on `disconnect` aborting {@link Call.signal} stops it; on `api` the protocol's own `cancel` does,
 * which on `queued-only` works only until the node begins.
 */
export type StopCapability = 'none' | 'queued-only' | 'disconnect' | 'api';

/** A file that a node made, still in memory. */
export interface MadeFile {
  readonly bytes: Uint8Array;
  /** As the bytes themselves say, not as the node claims. */
  readonly mimeType: string;
}

/** An output with the files themselves where it has artifacts. */
type Made<Output> = Output extends MadeFileId
  ? MadeFile
  : Output extends readonly (infer Item)[]
    ? Made<Item>[]
    : Output extends object
      ? { [Field in keyof Output]: Made<Output[Field]> }
      : Output;

/** What a node's work comes to, before files become artifacts. */
export type MadeByKind = { readonly [K in KindName]: Made<KindOutput<K>> };

/** One attempt's call, as a protocol sees it. */
export interface Call<K extends KindName> {
  readonly node: NodeClient;
  readonly model: string;
  readonly input: KindInput<K>;
  /** The files of the input, in the order of the kind's `media`. */
  readonly media: readonly Media[];
  /** What the configuration has for this kind and model, for nodes that run workflows. */
  readonly workflow: Workflow | null;
  /** Unique over all attempts: for nodes that take a client's id. */
  readonly attemptId: string;
  /** Aborts at the attempt's timeout, and at a cancel where the protocol stops on disconnect. */
  readonly signal: AbortSignal;
  /** Real progress only: a fraction between 0 and 1 that never falls, or null where the node tells none. */
  progress(value: number | null, message?: string): void;
  /** The next piece of the text that the call writes, as soon as it is there. */
  write(piece: string): void;
  /** The latest intermediate picture; older ones are forgotten, and those that come too fast are left out. */
  preview(picture: MadeFile): void;
  /** For nodes that take a job and are asked for its result later. */
  readonly remote: RemoteJob;
}

/** The job that a task has on a node which works by itself: it outlives the worker that submitted it. */
export interface RemoteJob {
  /** What an earlier attempt of this task kept on this node; null where there is nothing to resume. */
  readonly handle: string | null;
  /** The resumed job has been there for as long as an attempt may take: look once more, and give it up. */
  readonly isOverdue: boolean;
  /**
   * Before a job is submitted that costs something and that nobody can find again: from here on until
   * {@link keep}, a lost worker leaves the task failed as unknown rather than submitted, and paid for, twice.
   */
  submitting(): Promise<void>;
  /** As soon as the handle is known. Resolves once it is durable, or where the attempt has ended. */
  keep(handle: string): Promise<void>;
  /** The job is gone from the node, or failed there: the next attempt submits anew. */
  forget(): Promise<void>;
}

/** A running call that is to be stopped at its node. */
export interface StopRequest {
  readonly node: NodeClient;
  /** As the call had it. */
  readonly attemptId: string;
  /** What the call kept; null where it kept nothing. */
  readonly handle: string | null;
  readonly signal: AbortSignal;
}

export interface Readiness {
  readonly ready: boolean;
  /** For people: why it is not. */
  readonly detail?: string;
  /** The models that it holds in memory now, where it tells; by the names that offers use. */
  readonly loadedModels?: readonly string[];
  /** The models that it could load, where it tells. */
  readonly models?: readonly string[];
  /** Whether it works on nothing now, where it tells: slots that cool down need not wait longer. */
  readonly idle?: boolean;
}

/**
 * How to speak to one sort of inference server. Everything a protocol throws is a `NodeFault` (see
 * `fault.ts`), which says whose fault it was, or the reason of the call's signal; other errors are bugs.
 */
export interface NodeProtocol<Name extends string = string> {
  /** As in the GraphQL enum `NodeProtocol`: `FAST_WHISPER`. */
  readonly name: Name;
  /** Which servers speak it, for whoever registers one. */
  readonly description: string;
  readonly stop: StopCapability;
  /** Its jobs outlive the server that answers, as a provider's do: the task waits for that node, even a lost one. */
  readonly keepsJobs?: true;
  /** Kinds that it does, and how. */
  readonly run: { readonly [K in KindName]?: (call: Call<K>) => Promise<MadeByKind[K]> };
  /**
   * The server's own readiness check, body included. Never throws for a server that is down, or silent until
   * the signal aborts: it is not ready.
   */
  ready(node: NodeClient, signal: AbortSignal): Promise<Readiness>;
  /**
   * Of protocols whose `stop` is `api` or `queued-only`: stops that call's work, and never somebody else's.
   * Answers whether it is stopped; false where it runs on.
   */
  cancel?(request: StopRequest): Promise<boolean>;
}
