import type { Request } from './protocols/protocol.ts';

type CallOutcome =
  /** Not ended yet. */
  | 'running'
  /** With what was asked for. */
  | 'answered'
  /** Wrong, full, not ready. */
  | 'refused'
  /** By a failure that was ordered. */
  | 'failed'
  /** The caller hung up and the work ended. */
  | 'stopped'
  /** The caller hung up and the work went on to its end. */
  | 'abandoned';

/** One call for work, as the node saw it. */
export interface SimulatedCall {
  /** From 1. */
  readonly number: number;
  readonly route: string;
  readonly headers: Request['headers'];
  /** What was asked for: the fields of the body, files by their names. */
  readonly input: Readonly<Record<string, unknown>>;
  /** Calls not ended when this one came, itself included: above the slots, the caller sent too many. */
  readonly inFlight: number;
  /** Milliseconds (`performance.now()`). */
  readonly receivedAt: number;
  /** When it got a slot, and which. */
  readonly startedAt: number | null;
  readonly slot: number | null;
  readonly endedAt: number | null;
  readonly outcome: CallOutcome;
  /** Resolves at its end. */
  readonly ended: Promise<SimulatedCall>;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export interface CallRecord extends Mutable<SimulatedCall> {
  end(outcome: CallOutcome): void;
}

/** What a node was asked, in order. */
export class Calls {
  readonly history: SimulatedCall[] = [];
  readonly #expected = new Map<number, PromiseWithResolvers<SimulatedCall>>();
  #inFlight = 0;

  get inFlight(): number {
    return this.#inFlight;
  }

  begin({ route, headers }: Request): CallRecord {
    const { promise, resolve } = Promise.withResolvers<SimulatedCall>();
    this.#inFlight += 1;
    const call: CallRecord = {
      number: this.history.length + 1,
      route,
      headers,
      input: {},
      inFlight: this.#inFlight,
      receivedAt: performance.now(),
      startedAt: null,
      slot: null,
      endedAt: null,
      outcome: 'running',
      ended: promise,
      end: (outcome) => {
        if (call.endedAt !== null) return;
        this.#inFlight -= 1;
        call.endedAt = performance.now();
        call.outcome = outcome;
        resolve(call);
      },
    };
    this.history.push(call);
    this.#expected.get(call.number)?.resolve(call);
    return call;
  }

  /** The call of that number, from 1, once it came. */
  async received(number: number): Promise<SimulatedCall> {
    const call = this.history[number - 1];
    if (call !== undefined) return call;
    const expected = this.#expected.get(number) ?? Promise.withResolvers<SimulatedCall>();
    this.#expected.set(number, expected);
    return expected.promise;
  }
}

/** The places where work happens: numbered from 0, given in the order of asking. */
export class Slots {
  readonly #taken = new Set<number>();
  #waiting: { take(slot: number): void }[] = [];
  #count: number;

  constructor(count: number) {
    this.#count = count;
  }

  get full(): boolean {
    return this.#taken.size >= this.#count;
  }

  resize(count: number): void {
    this.#count = count;
    this.#serve();
  }

  /** A slot of one's own, to be given back; rejects with the signal's reason where it aborts before. */
  async take(signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const turn = { take: resolve };
    const leave = () => {
      this.#waiting = this.#waiting.filter((other) => other !== turn);
      reject(signal.reason);
    };
    signal.addEventListener('abort', leave, { once: true });
    this.#waiting.push(turn);
    this.#serve();
    return promise.finally(() => signal.removeEventListener('abort', leave));
  }

  giveBack(slot: number): void {
    this.#taken.delete(slot);
    this.#serve();
  }

  #serve(): void {
    while (!this.full) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      let slot = 0;
      while (this.#taken.has(slot)) slot += 1;
      this.#taken.add(slot);
      next.take(slot);
    }
  }
}
