/** How a simulated node behaves; every one can be changed while it runs. */
export interface SimulatorSettings {
  /** Before each result, beside the work itself; spread over its steps, where it has several. */
  readonly latencyMs: number;
  /** Units of work a second (megapixel-steps, seconds of sound); null: the work takes no time of its own. */
  readonly speed: number | null;
  /** How many calls are worked on at once. */
  readonly slots: number;
  /** What becomes of a call beyond the slots: it waits its turn, or is refused in the protocol's own way. */
  readonly whenFull: 'wait' | 'refuse';
  /** False: as while the model loads. */
  readonly ready: boolean;
  /** Whoever doesn't bear it is refused; null: nobody is. */
  readonly token: string | null;
  /** Width and height of pictures asked for without. */
  readonly side: number;
  /** The share of calls, from 0 to 1, that fail as the protocol's servers do. */
  readonly failureRate: number;
  /** Of servers that have several: the names of those that it has; null: whatever it is asked for. */
  readonly models: readonly string[] | null;
  /** Makes an OpenAI server text-embeddings-inference, which takes so many texts in one request; null: it is another one. */
  readonly textsAtOnce: number | null;
  /** Before it says that it took a job, where it takes jobs; the work begins at once. */
  readonly acceptsAfterMs: number;
  /** How long what became of a job can be asked for, where jobs are asked for at all. */
  readonly keepsJobsMs: number;
  /**
   * After so many of its steps, work stands still until this is set anew; null: it never does. Where its server tells
   * of no steps, it has one: 0 holds it.
   */
  readonly pausesAt: number | null;
  /** Answers nothing else while it works, as servers do whose event loop does the work, too. */
  readonly stalls: boolean;
  /** Whether work ends when the caller hangs up; null: as the protocol's servers do. */
  readonly stopsOnDisconnect: boolean | null;
}

export const defaultSettings: SimulatorSettings = {
  latencyMs: 0,
  speed: null,
  slots: 1,
  whenFull: 'wait',
  ready: true,
  token: null,
  side: 512,
  failureRate: 0,
  models: null,
  textsAtOnce: null,
  acceptsAfterMs: 0,
  keepsJobsMs: 600_000,
  pausesAt: null,
  stalls: false,
  stopsOnDisconnect: null,
};

/** What can go wrong with one call. */
export type Failure =
  /** The protocol's own answer to a failure of its own, and to being full. */
  | { readonly type: 'fail' | 'full' }
  | {
      readonly type: 'status';
      readonly status: number;
      readonly body?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** A good status with an error in the body, where the protocol knows such; else a body that is no result. */
  | { readonly type: 'error-inside' }
  /** Never answers; the slot stays taken until the caller hangs up. */
  | { readonly type: 'hang' }
  /** Closes the connection instead of an answer, with a TCP reset. */
  | { readonly type: 'reset' }
  /** Half of the answer, then closes the connection. */
  | { readonly type: 'cut-short' }
  /** Half of the answer, then silence. */
  | { readonly type: 'stall' }
  /** A web page in place of the result, with a good status. */
  | { readonly type: 'wrong-content' }
  /** The right result under a content type that has nothing to do with it. */
  | { readonly type: 'mislabeled' }
  /** Something that is no HTTP, as of another service on the node's port. */
  | { readonly type: 'no-http' }
  /** An answer of this many bytes of no sense. */
  | { readonly type: 'giant'; readonly bytes: number };
