import type { AsyncLocalStorage } from 'node:async_hooks';
import type { Log } from '../log.ts';

/** What is known of the request that is being answered, wherever its work has got to. */
export class RequestScope {
  readonly requestId: string;
  readonly #parent: Log;
  #log: Log | undefined;

  constructor(requestId: string, log: Log) {
    this.requestId = requestId;
    this.#parent = log;
  }

  /** Whether what is only for finding faults is logged. */
  get isDebugging(): boolean {
    return this.#parent.isLevelEnabled('debug');
  }

  /** Bears the request's id. Made when it is first asked for: most requests log nothing. */
  get log(): Log {
    this.#log ??= this.#parent.child({ requestId: this.requestId });
    return this.#log;
  }
}

export type RequestScopes = AsyncLocalStorage<RequestScope>;
