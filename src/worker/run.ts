import type { ConnectedNode } from '../nodes/index.ts';
import type { AttemptEnd, Claimed } from '../tasks/index.ts';
import { attemptId, prepareCall } from './call.ts';
import { errorVerdict, type StopReason, stopVerdict, type Verdict } from './outcome.ts';
import { persist } from './persist.ts';
import type { AttemptPreviews } from './previews.ts';
import { holdRemoteJob, type RemoteHold } from './remote.ts';
import { settle, storeResult } from './settle.ts';
import { stopAtNode } from './stop-at-node.ts';
import type { RunContext } from './types.ts';

/** One attempt under way. */
export interface Run {
  readonly claimed: Claimed;
  /** Whether the task still waits for what the node answers. */
  readonly isAwaited: boolean;
  /** Ends the attempt, or what is still open of it. */
  stop(reason: StopReason): void;
  /** Resolves when nothing is left to do; never rejects. */
  readonly done: Promise<void>;
}

/** Runs what was claimed: calls the node, gives back the slot, stores the result, settles. */
export function startRun(claimed: Claimed, context: RunContext): Run {
  return new Attempt(claimed, context);
}

/** How a call ended. */
type Answer = { readonly made: unknown } | { readonly error: unknown };

/** What a stopped call is aborted with. */
class StoppedError extends Error {
  override readonly name = 'StoppedError';
}

/**
 * How long a call that can't be stopped is waited for beyond its attempt's timeout, since its answer says that
 * the node is free again. The sweeper takes slots that are held still longer.
 */
const OPEN_MS = 45_000;

class Attempt implements Run {
  readonly claimed: Claimed;
  readonly done: Promise<void>;
  isAwaited = true;
  readonly #context: RunContext;
  readonly #previews: AttemptPreviews;
  readonly #stopped = Promise.withResolvers<StopReason>();
  /** Ends the call itself. */
  readonly #cut = new AbortController();
  #node: ConnectedNode | null = null;
  #remote: RemoteHold | null = null;
  #sentAt: number | null = null;
  #isAnswered = false;

  constructor(claimed: Claimed, context: RunContext) {
    const { taskId, attempt, nodeId } = claimed.lease;
    this.claimed = claimed;
    this.#context = { ...context, log: context.log.child({ taskId, attempt, nodeId }) };
    this.#previews = context.previews.of(claimed);
    this.done = this.#run();
  }

  stop(reason: StopReason): void {
    // Its job goes on without it: the provider is asked again until it is back.
    const goesOn = this.#node?.protocol.keepsJobs && this.#remote?.handle != null;
    if (reason === 'node-lost' && goesOn) return;
    this.#stopped.resolve(reason);
    if (!this.#staysOpen(reason)) this.#cut.abort(new StoppedError(reason));
    if (reason === 'cancel' && this.#isAnswered) void this.#tellStopped(false);
  }

  /** Whether the call must be left to end by itself, since stopping it would not free the node. */
  #staysOpen(reason: StopReason): boolean {
    return (
      (reason === 'timeout' || reason === 'cancel') &&
      this.#sentAt !== null &&
      this.#node?.protocol.stop !== 'disconnect'
    );
  }

  async #run(): Promise<void> {
    const timer = setTimeout(() => this.stop('timeout'), this.claimed.timeoutMs);
    try {
      const answered = this.#call().then(
        (made): Answer => ({ made }),
        (error: unknown): Answer => ({ error }),
      );
      const first = await Promise.race([this.#stopped.promise, answered]);
      this.isAwaited = false;
      clearTimeout(timer);
      if (typeof first === 'string') await this.#end(first, answered);
      else await this.#finish(first);
    } catch (error) {
      // The sweeper finds what could not be written.
      this.#context.log.error({ err: error }, 'the end of an attempt could not be written');
    } finally {
      clearTimeout(timer);
      this.#previews.end();
      this.#context.tasks.endText(this.claimed.lease);
      this.#node?.[Symbol.dispose]();
    }
  }

  async #call(): Promise<unknown> {
    const { artifacts, nodes, tasks, localWork } = this.#context;
    this.#assertLease();
    const node = await nodes.connect(this.claimed.lease.nodeId);
    this.#node = node;
    const { signal } = this.#cut;
    this.#remote = await holdRemoteJob(this.claimed, { ...this.#context, remoteJobs: tasks.remoteJobs });
    const { job: remote } = this.#remote;
    const call = await prepareCall({
      claimed: this.claimed,
      node,
      remote,
      tasks,
      artifacts,
      localWork,
      signal,
    });
    this.#assertLease();
    signal.throwIfAborted();
    this.#sentAt = performance.now();
    return call.send({
      progress: (value, message) => {
        if (this.isAwaited) this.#context.tasks.reportProgress(this.claimed.lease, value, message);
      },
      write: (piece) => {
        if (this.isAwaited) this.#context.tasks.writeText(this.claimed.lease, piece);
      },
      preview: (picture) => {
        if (this.isAwaited) this.#previews.show(picture);
      },
    });
  }

  /** A process that was asleep may have lost what it claimed. It must not call then: another one may, already. */
  #assertLease(): void {
    if (!this.#context.isLeaseFresh(this.claimed)) this.stop('lease-lost');
  }

  /** The node has answered, or failed: its slot is free before anything else is done. */
  async #finish(answer: Answer): Promise<void> {
    this.#isAnswered = true;
    const gpuMs = this.#heldMs();
    if ('error' in answer) return this.#fail(errorVerdict(this.claimed, answer.error), gpuMs, answer.error);
    this.#measure();
    const freed = this.#freeSlot();
    const end = await this.#store(answer.made);
    await freed;
    await settle(this.#context, this.claimed, { end, gpuMs });
  }

  async #store(made: unknown): Promise<AttemptEnd> {
    try {
      return { type: 'succeeded', ...(await storeResult(this.#context, this.claimed, made)) };
    } catch (error) {
      const verdict = errorVerdict(this.claimed, error);
      this.#context.log.warn({ err: error, code: verdict.end.error.code }, 'a result could not be kept');
      await this.#tellNode(verdict);
      return verdict.end;
    }
  }

  async #fail(verdict: Verdict, gpuMs: number, error: unknown): Promise<void> {
    const { code } = verdict.end.error;
    const level = code === 'INTERNAL_ERROR' ? 'error' : 'info';
    this.#context.log[level]({ err: error, code }, 'attempt failed');
    await this.#freeSlot(Math.max(verdict.coolDownMs, await this.#tellNode(verdict)));
    await settle(this.#context, this.claimed, { end: verdict.end, gpuMs });
  }

  /** The attempt was stopped before its node answered. */
  async #end(reason: StopReason, answered: Promise<Answer>): Promise<void> {
    const isStopped = await this.#stopAtNode(reason, answered);
    if (isStopped) this.#cut.abort(new StoppedError(reason));
    const isCut = this.#cut.signal.aborted;
    this.#context.log.info({ reason, isCut }, 'attempt stopped');
    if (isCut) {
      await answered;
      if (isStopped || reason === 'node-lost') await this.#forgetRemoteJob();
      await this.#freeSlot(isStopped ? 0 : await this.#remainingMs(reason));
      return this.#settleStopped(reason, isCut);
    }
    await this.#settleStopped(reason, isCut);
    const bound = setTimeout(() => this.#cut.abort(new StoppedError(reason)), this.#openMs());
    await answered;
    clearTimeout(bound);
    await this.#freeSlot(this.#cut.signal.aborted ? await this.#remainingMs(reason) : 0);
  }

  /**
   * Whether the node confirmed that it no longer works on this very call: of protocols that have a way to ask.
   * A job that the task's next attempt takes up is left alone.
   */
  async #stopAtNode(reason: StopReason, answered: Promise<Answer>): Promise<boolean> {
    const isLeft = (reason === 'drain' || reason === 'lease-lost') && this.#remote?.handle != null;
    if (this.#node === null || this.#sentAt === null || reason === 'node-lost' || isLeft) return false;
    const over = new AbortController();
    // A call that was cut ends at once, and says nothing about its node.
    if (!this.#cut.signal.aborted) void answered.then(() => over.abort());
    const { protocol, client: node } = this.#node;
    const { taskId, attempt } = this.claimed.lease;
    const call = { node, attemptId: attemptId(taskId, attempt), handle: this.#remote?.handle ?? null };
    return stopAtNode({ protocol, over: over.signal, ...call });
  }

  async #settleStopped(reason: StopReason, isCut: boolean): Promise<void> {
    if (reason === 'cancel') return this.#tellStopped(isCut);
    const { end } = stopVerdict(this.claimed, reason);
    await settle(this.#context, this.claimed, { end, gpuMs: this.#heldMs() });
  }

  /** A job that died with its node, or was stopped there, is not resumed. */
  async #forgetRemoteJob(): Promise<void> {
    if (this.#remote?.handle) await this.#remote.job.forget();
  }

  /** How long the node is expected to work on for nobody, since its protocol has no way to stop it. */
  async #remainingMs(reason: StopReason): Promise<number> {
    const { kind, model, cost, timeoutMs, lease } = this.claimed;
    const isStopped = reason === 'node-lost' || this.#node?.protocol.stop === 'disconnect';
    // The task's next attempt takes up the job: nobody need wait for its end.
    const isResumed = reason !== 'cancel' && this.#remote?.handle != null;
    if (this.#sentAt === null || isStopped || isResumed) return 0;
    const expected = await this.#context.nodes.expectedSeconds({ nodeId: lease.nodeId, kind, model, cost });
    const elapsed = performance.now() - this.#sentAt;
    return Math.max(0, Math.min(expected * 1000, timeoutMs) - elapsed);
  }

  #openMs(): number {
    return Math.max(0, this.claimed.timeoutMs - this.#heldMs()) + OPEN_MS;
  }

  #heldMs(): number {
    return Math.round(performance.now() - this.claimed.claimedAt);
  }

  #measure(): void {
    const { kind, model, cost, isSwap, lease } = this.claimed;
    const { nodes } = this.#context;
    // Of a job that an earlier attempt began, this one saw but the end.
    const isResumed = this.#remote?.job.handle != null;
    const seconds = (performance.now() - (this.#sentAt ?? this.claimed.claimedAt)) / 1000;
    if (!isResumed) nodes.recordRun({ nodeId: lease.nodeId, kind, model, cost, seconds, isSwap });
    void this.#tellNode({ node: 'fine' });
  }

  async #freeSlot(coolDownMs = 0): Promise<void> {
    const options = {
      gpuMs: this.#heldMs(),
      ...(coolDownMs > 0 ? { coolDownMs: Math.round(coolDownMs) } : {}),
    };
    await persist(() => this.#context.tasks.freeSlot(this.claimed.lease, options), this.#context);
  }

  async #tellStopped(stopped: boolean): Promise<void> {
    await persist(() => this.#context.tasks.stopped(this.claimed.lease, stopped), this.#context);
  }

  /** Answers for how many milliseconds the node's slot had better be left alone. */
  async #tellNode({ node }: Pick<Verdict, 'node'>): Promise<number> {
    const { nodes, log } = this.#context;
    const { nodeId } = this.claimed.lease;
    try {
      if (node === 'failed') return await nodes.reportFailure(nodeId);
      if (node === 'fine') await nodes.reportSuccess(nodeId);
    } catch (error) {
      log.warn({ err: error }, "a node's health could not be written");
    }
    return 0;
  }
}
