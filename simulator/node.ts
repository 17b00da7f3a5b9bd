import { EventEmitter, once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { type CallRecord, Calls, Slots } from './calls.ts';
import { pass, readRequest, send, sendBroken, sendPart } from './http.ts';
import { type Job, Jobs } from './jobs.ts';
import {
  type Answer,
  isWork,
  json,
  type Request,
  type SimulatedProtocol,
  type Work,
} from './protocols/protocol.ts';
import type { Failure, SimulatorSettings } from './settings.ts';

/** How a job's end reaches whoever asked for it. */
interface Ending {
  /** That end the work, beside the node's power and whoever stops the job. */
  readonly signals: readonly AbortSignal[];
  deliver(made: Answer): Promise<void>;
  stopped(): Promise<void>;
}

/** What answers as a node does, whatever server it is behind. */
export class SimulatedNode {
  readonly calls = new Calls();
  readonly #jobs = new Jobs();
  readonly #sockets = new WebSocketServer({ noServer: true });
  readonly #protocol: SimulatedProtocol;
  readonly #slots: Slots;
  readonly #failures: Failure[] = [];
  readonly #atWork = new Set<Job>();
  readonly #underWay = new Set<Promise<void>>();
  readonly #changes = new EventEmitter().setMaxListeners(0);
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
    this.#changes.emit('set');
  }

  failNext(failure: Failure, times: number): void {
    this.#failures.push(...Array<Failure>(times).fill(failure));
  }

  /** Loses all work under way, as a machine does that is switched off and on. */
  async reset(): Promise<void> {
    this.#power.abort(new Error('the node went down'));
    for (const socket of this.#sockets.clients) socket.terminate();
    await Promise.all(this.#underWay);
    this.#jobs.forget();
    this.#power = new AbortController();
  }

  upgrade(incoming: IncomingMessage, connection: Duplex, head: Buffer): void {
    const url = new URL(incoming.url ?? '/', 'ws://localhost');
    const route = `${incoming.method} ${url.pathname}`;
    const speak = this.#isTrusted(incoming.headers) && this.#protocol.socket?.({ route, url }, this.#jobs);
    if (!speak) return void connection.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n');
    this.#sockets.handleUpgrade(incoming, connection, head, speak);
  }

  async handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    await this.#track(
      this.#respond(incoming, response).catch((error: unknown) => {
        // A caller that hung up in the middle of its request, or was cut off, waits for nothing.
        if (!response.destroyed) response.destroy(error instanceof Error ? error : undefined);
      }),
    );
  }

  async #track(done: Promise<void>): Promise<void> {
    this.#underWay.add(done);
    await done;
    this.#underWay.delete(done);
  }

  #isTrusted({ authorization }: IncomingHttpHeaders): boolean {
    const { token } = this.settings;
    if (token === null) return true;
    const basic = `Basic ${Buffer.from(token).toString('base64')}`;
    return authorization === (token.includes(':') ? basic : `Bearer ${token}`);
  }

  #refusal(request: Request, headers: IncomingHttpHeaders): Answer | null {
    const { token } = this.settings;
    if (token !== null && this.#protocol.refuses) return this.#protocol.refuses(request, token);
    return this.#isTrusted(headers) ? null : json(401, { detail: 'Invalid or missing token' });
  }

  async #respond(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = await readRequest(incoming);
    const refusal = this.#refusal(request, incoming.headers);
    if (refusal !== null) return send(response, refusal);
    const asked = this.#protocol.work(request, this.settings, this.#jobs);
    if (asked !== null) return this.#work(request, asked, response);
    if (this.settings.stalls) await Promise.all([...this.#atWork].map(({ over }) => over));
    const page = await this.#protocol.page(request, this.settings, this.#jobs);
    send(response, page ?? this.#protocol.says.notFound(request.url.pathname));
  }

  async #work(request: Request, asked: Promise<Work | Answer>, response: ServerResponse): Promise<void> {
    const call = this.calls.begin(request);
    const hungUp = new AbortController();
    response.once('close', () => hungUp.abort(new Error('the caller hung up')));
    try {
      await this.#answer(call, await asked, response, hungUp.signal);
    } catch (error) {
      call.end('stopped');
      throw error;
    }
  }

  async #answer(
    call: CallRecord,
    work: Work | Answer,
    response: ServerResponse,
    hungUp: AbortSignal,
  ): Promise<void> {
    const failure = this.#nextFailure();
    const answer = (outcome: CallRecord['outcome'], body: Answer) => {
      call.end(hungUp.aborted ? 'abandoned' : outcome);
      send(response, body);
    };
    const { says, stopsOnDisconnect } = this.#protocol;
    const isJob = isWork(work) && work.accepted !== undefined;
    if (failure?.type === 'full') return answer('failed', says.full);
    if (failure?.type === 'fail' && !isJob) return answer('failed', says.failed);
    if (!this.settings.ready) return answer('refused', says.loading);
    if (!isWork(work)) return answer('refused', work);
    call.input = work.input;
    if (this.settings.whenFull === 'refuse' && this.#slots.full) return answer('refused', says.full);
    if (isJob) return this.#accept(call, work, response, failure);

    const stops = this.settings.stopsOnDisconnect ?? stopsOnDisconnect;
    const job = this.#jobs.add(work);
    const { told } = work;
    const deafen = this.#jobs.listen((changed) => {
      if (failure === undefined && changed === job && job.state === 'working' && job.step > 0 && told) {
        sendPart(response, told(job));
      }
    });
    const ending: Ending = {
      signals: stops ? [hungUp] : [],
      async deliver(made) {
        const result = failure?.type === 'error-inside' ? says.errorInside : made;
        if (failure === undefined) return answer('answered', result);
        await sendBroken(response, result, failure);
        call.end('failed');
      },
      stopped: async () => answer('stopped', (await work.stopped?.()) ?? says.failed),
    };
    await this.#carryOut(call, job, work, ending).finally(deafen);
  }

  /** Takes a job: what is ordered to go wrong goes wrong with the job, or else with the answer that it is taken. */
  async #accept(
    call: CallRecord,
    work: Work,
    response: ServerResponse,
    failure: Failure | undefined,
  ): Promise<void> {
    const { says } = this.#protocol;
    const job = this.#jobs.add(work);
    const underWay = this.#carryOut(call, job, work, {
      signals: [],
      deliver: async (made) => {
        const fails = failure?.type === 'fail';
        const good = failure?.type === 'error-inside' ? says.errorInside : made;
        job.end(fails ? 'failed' : 'done', fails ? says.failed : good);
        call.end(fails ? 'failed' : 'answered');
      },
      stopped: async () => call.end('stopped'),
    });
    // Without power it is lost.
    void this.#track(underWay.catch(() => call.end('stopped')));
    const accepted = work.accepted?.(job) ?? says.failed;
    await pass(this.settings.acceptsAfterMs, this.#power.signal);
    const isBroken = failure !== undefined && failure.type !== 'fail' && failure.type !== 'error-inside';
    await (isBroken ? sendBroken(response, accepted, failure) : send(response, accepted));
  }

  /** Waits for a slot and has the job take its time there, unless somebody stops it. */
  async #carryOut(
    call: CallRecord,
    job: Job,
    work: Work,
    { signals, deliver, stopped }: Ending,
  ): Promise<void> {
    const signal = AbortSignal.any([this.#power.signal, job.signal, ...signals]);
    try {
      const slot = await this.#slots.take(signal);
      try {
        call.slot = slot;
        call.startedAt = performance.now();
        job.begin();
        this.#atWork.add(job);
        await this.#spendTime(work, job, signal);
        await deliver(await work.make());
        job.end('done');
      } finally {
        this.#slots.giveBack(slot);
        this.#atWork.delete(job);
      }
    } catch (error) {
      job.end('canceled');
      if (!job.signal.aborted) throw error;
      await stopped();
    }
  }

  async #spendTime({ units, steps = 1 }: Work, job: Job, signal: AbortSignal): Promise<void> {
    while (job.step < steps) {
      const { latencyMs, speed } = this.settings;
      const ms = latencyMs + (speed === null ? 0 : (units / speed) * 1000);
      await pass(ms / steps, signal);
      await this.#mayGoOn(job, signal);
      job.advance();
    }
  }

  async #mayGoOn(job: Job, signal: AbortSignal): Promise<void> {
    const isPaused = () => this.settings.pausesAt !== null && job.step >= this.settings.pausesAt;
    while (isPaused()) {
      await once(this.#changes, 'set', { signal }).catch(() => signal.throwIfAborted());
    }
  }

  #nextFailure(): Failure | undefined {
    const ordered = this.#failures.shift();
    return ordered ?? (Math.random() < this.settings.failureRate ? { type: 'fail' } : undefined);
  }
}
