import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ProtocolName } from '../src/nodes/protocols/index.ts';
import { type CallRecord, Calls, type SimulatedCall, Slots } from './calls.ts';
import { pass, readRequest, send, sendBroken } from './http.ts';
import { simulatedProtocols } from './protocols/index.ts';
import {
  type Answer,
  isWork,
  json,
  type Request,
  type SimulatedProtocol,
  type Work,
} from './protocols/protocol.ts';
import { defaultSettings, type Failure, type SimulatorSettings } from './settings.ts';

export interface SimulatorOptions extends Partial<SimulatorSettings> {
  readonly protocol: ProtocolName;
  /** 0, which is the default, takes a free one. */
  readonly port?: number;
  readonly host?: string;
}

/** A node that only seems to have a GPU: it draws and transcribes by simple tricks, and fails as told. */
export interface Simulator extends AsyncDisposable {
  readonly protocol: ProtocolName;
  /** Stays the same over `refuseConnections` and `acceptConnections`. */
  readonly url: string;
  readonly settings: SimulatorSettings;
  /** Changes the given settings, for calls under way too where they still matter. */
  set(changes: Partial<SimulatorSettings>): void;
  /** The next calls for work fail so, in order. */
  failNext(failure: Failure, times?: number): void;
  /** Calls for work, readiness checks and downloads left out. */
  readonly history: readonly SimulatedCall[];
  /** The call of that number, from 1, once it has come. */
  received(number: number): Promise<SimulatedCall>;
  /** Calls not ended. */
  readonly inFlight: number;
  /** As a machine that went down: drops every connection and accepts none; what was under way is lost. */
  refuseConnections(): Promise<void>;
  acceptConnections(): Promise<void>;
  close(): Promise<void>;
}

/** Starts a simulated node that listens on 127.0.0.1 unless told otherwise. */
export async function createSimulator(options: SimulatorOptions): Promise<Simulator> {
  const { protocol, host = '127.0.0.1', port = 0, ...settings } = options;
  const node = new SimulatedNode(simulatedProtocols[protocol], { ...defaultSettings, ...settings });
  let server = await listen(node, host, port);
  const { port: taken } = server.address() as AddressInfo;
  const stop = async () => {
    if (server.listening) await closeServer(server);
    await node.reset();
  };
  return {
    protocol,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${taken}`,
    get settings() {
      return node.settings;
    },
    set: (changes) => node.set(changes),
    failNext: (failure, times = 1) => node.failNext(failure, times),
    history: node.calls.history,
    received: (number) => node.calls.received(number),
    get inFlight() {
      return node.calls.inFlight;
    },
    refuseConnections: stop,
    async acceptConnections() {
      if (!server.listening) server = await listen(node, host, taken);
    },
    close: stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function listen(node: SimulatedNode, host: string, port: number): Promise<Server> {
  const server = createServer((incoming, response) => void node.handle(incoming, response));
  server.listen(port, host);
  await once(server, 'listening');
  return server;
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}

class SimulatedNode {
  readonly calls = new Calls();
  readonly #protocol: SimulatedProtocol;
  readonly #slots: Slots;
  readonly #failures: Failure[] = [];
  readonly #underWay = new Set<Promise<void>>();
  #power = new AbortController();
  settings: SimulatorSettings;

  constructor(protocol: SimulatedProtocol, settings: SimulatorSettings) {
    this.#protocol = protocol;
    this.settings = settings;
    this.#slots = new Slots(settings.slots);
  }

  set(changes: Partial<SimulatorSettings>): void {
    this.settings = { ...this.settings, ...changes };
    this.#slots.resize(this.settings.slots);
  }

  failNext(failure: Failure, times: number): void {
    this.#failures.push(...Array<Failure>(times).fill(failure));
  }

  /** Loses all work under way, as a machine does that is switched off and on. */
  async reset(): Promise<void> {
    this.#power.abort(new Error('the node went down'));
    await Promise.all(this.#underWay);
    this.#power = new AbortController();
  }

  async handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const done = this.#respond(incoming, response).catch((error: unknown) => {
      // A caller that hung up in the middle of its request, or was cut off, waits for nothing.
      if (!response.destroyed) response.destroy(error instanceof Error ? error : undefined);
    });
    this.#underWay.add(done);
    await done;
    this.#underWay.delete(done);
  }

  async #respond(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = await readRequest(incoming);
    const { token } = this.settings;
    if (token !== null && request.headers.authorization !== `Bearer ${token}`) {
      return send(response, json(401, { detail: 'Invalid or missing token' }));
    }
    const asked = this.#protocol.work(request, this.settings);
    if (asked !== null) return this.#work(request, asked, response);
    const page = await this.#protocol.page(request, this.settings);
    send(response, page ?? this.#protocol.says.notFound(request.url.pathname));
  }

  async #work(request: Request, asked: Promise<Work | Answer>, response: ServerResponse): Promise<void> {
    const call = this.calls.begin(request);
    const hungUp = new AbortController();
    response.once('close', () => hungUp.abort(new Error('the caller hung up')));
    try {
      await this.#answer(call, await asked, response, hungUp.signal);
    } finally {
      call.end('stopped');
    }
  }

  async #answer(
    call: CallRecord,
    work: Work | Answer,
    response: ServerResponse,
    hungUp: AbortSignal,
  ): Promise<void> {
    const failure = this.#nextFailure();
    const answer = (outcome: 'refused' | 'failed' | 'answered', body: Answer) => {
      call.end(hungUp.aborted ? 'abandoned' : outcome);
      send(response, body);
    };
    const { says, stopsOnDisconnect } = this.#protocol;
    if (failure?.type === 'full' || failure?.type === 'fail') {
      return answer('failed', failure.type === 'full' ? says.full : says.failed);
    }
    if (!this.settings.ready) return answer('refused', says.loading);
    if (!isWork(work)) return answer('refused', work);
    call.input = work.input;
    if (this.settings.whenFull === 'refuse' && this.#slots.full) return answer('refused', says.full);

    const stops = this.settings.stopsOnDisconnect ?? stopsOnDisconnect;
    const signal = AbortSignal.any(stops ? [this.#power.signal, hungUp] : [this.#power.signal]);
    const slot = await this.#slots.take(signal);
    try {
      call.slot = slot;
      call.startedAt = performance.now();
      await this.#spendTime(work.units, signal);
      const result = failure?.type === 'error-inside' ? says.errorInside : await work.make();
      if (failure === undefined) return answer('answered', result);
      await sendBroken(response, result, failure);
      call.end('failed');
    } finally {
      this.#slots.giveBack(slot);
    }
  }

  async #spendTime(units: number, signal: AbortSignal): Promise<void> {
    const { latencyMs, speed } = this.settings;
    await pass(latencyMs + (speed === null ? 0 : (units / speed) * 1000), signal);
  }

  #nextFailure(): Failure | undefined {
    const ordered = this.#failures.shift();
    return ordered ?? (Math.random() < this.settings.failureRate ? { type: 'fail' } : undefined);
  }
}
