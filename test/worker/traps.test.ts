import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Simulator } from '../../simulator/index.ts';
import type { ProtocolName } from '../../src/nodes/protocols/index.ts';
import { openWorkers, type WorkersYard } from './support.ts';

type Failure = Parameters<Simulator['failNext']>[0];

interface Trap {
  readonly trap: string;
  readonly protocol: ProtocolName;
  /** What goes wrong with the first call, or what is done while it is under way. */
  readonly failure: Failure | ((node: Simulator, taskId: string) => Promise<void>);
  /** How the attempts end that the task needs, where it may spend one. */
  readonly ends: readonly (readonly [outcome: string, code: string] | 'SUCCEEDED')[];
  /** What the node has against it when the task is over. */
  readonly failures: 0 | 1;
}

const NODE_FAILED = ['FAILED', 'NODE_ERROR'] as const;
const NODE_BUSY = NODE_FAILED;
const BAD_ANSWER = ['FAILED', 'BAD_NODE_ANSWER'] as const;
const REFUSED = ['FAILED', 'NODE_REJECTED'] as const;
const CUT_OFF = ['NODE_LOST', 'NODE_UNREACHABLE'] as const;
const TOO_LONG = ['TIMED_OUT', 'TIMED_OUT'] as const;

const status = (code: number, body?: string): Failure =>
  body === undefined ? { type: 'status', status: code } : { type: 'status', status: code, body };

const LOADING = '{"error":{"message":"Loading model","type":"unavailable_error","code":503}}';
const LLAMA_MISTAKE = '{"error":{"code":500,"message":"parse error: invalid literal","type":"server_error"}}';

/** What servers are known to do, and what it means for the task and for its node. */
const traps: readonly Trap[] = [
  ...[
    ['WHISPER_CPP', status(404, 'File Not Found (/inference)')],
    ['OPENAI', status(404)],
  ].map(
    ([protocol, failure]): Trap => ({
      trap: 'a 404 while the model loads',
      protocol: protocol as ProtocolName,
      failure: failure as Failure,
      ends: [NODE_FAILED],
      failures: 1,
    }),
  ),
  {
    trap: 'a 503 while the model loads',
    protocol: 'OPENAI',
    failure: status(503, LOADING),
    ends: [NODE_BUSY, 'SUCCEEDED'],
    failures: 0,
  },
  ...(['OPENAI', 'FAST_WHISPER', 'COG', 'JSON'] as const).map(
    (protocol): Trap => ({
      trap: 'a 200 with an error inside',
      protocol,
      failure: { type: 'error-inside' },
      ends: [NODE_FAILED],
      failures: 1,
    }),
  ),
  {
    trap: 'a 200 that says what is wrong with the input',
    protocol: 'WHISPER_CPP',
    failure: { type: 'error-inside' },
    ends: [REFUSED],
    failures: 0,
  },
  {
    trap: 'a 400 for what the caller got wrong',
    protocol: 'QWEN_IMAGE_GGUF',
    failure: status(400, 'prompt is too long'),
    ends: [REFUSED],
    failures: 0,
  },
  {
    trap: 'a 500 for what the caller got wrong',
    protocol: 'OPENAI',
    failure: status(500, LLAMA_MISTAKE),
    ends: [REFUSED],
    failures: 0,
  },
  ...(['OPENAI', 'WHISPER_CPP', 'JSON'] as const).map(
    (protocol): Trap => ({
      trap: 'a call that is never answered',
      protocol,
      failure: { type: 'hang' },
      ends: [TOO_LONG],
      failures: 0,
    }),
  ),
  {
    trap: 'half an answer, then silence',
    protocol: 'OPENAI',
    failure: { type: 'stall' },
    ends: [TOO_LONG],
    failures: 0,
  },
  {
    trap: 'half an answer, then the end of the connection',
    protocol: 'QWEN_IMAGE_GGUF',
    failure: { type: 'cut-short' },
    ends: [BAD_ANSWER],
    failures: 1,
  },
  {
    trap: 'a reset instead of an answer',
    protocol: 'FAST_WHISPER',
    failure: { type: 'reset' },
    ends: [CUT_OFF],
    failures: 1,
  },
  {
    trap: 'something that is no HTTP',
    protocol: 'JSON',
    failure: { type: 'no-http' },
    ends: [BAD_ANSWER],
    failures: 1,
  },
  ...(['QWEN_IMAGE_GGUF', 'OPENAI', 'JSON'] as const).map(
    (protocol): Trap => ({
      trap: 'a web page instead of a result',
      protocol,
      failure: { type: 'wrong-content' },
      ends: [BAD_ANSWER],
      failures: 1,
    }),
  ),
  {
    trap: 'the right picture under the wrong content type',
    protocol: 'QWEN_IMAGE_GGUF',
    failure: { type: 'mislabeled' },
    ends: ['SUCCEEDED'],
    failures: 0,
  },
  {
    trap: 'an answer that never ends',
    protocol: 'FAST_WHISPER',
    failure: { type: 'giant', bytes: 2 ** 40 },
    ends: [BAD_ANSWER],
    failures: 1,
  },
  ...(['OPENAI', 'FAST_WHISPER', 'SD_CPP', 'COG', 'JSON'] as const).map(
    (protocol): Trap => ({
      trap: 'a node that is full',
      protocol,
      failure: { type: 'full' },
      ends: [NODE_BUSY, 'SUCCEEDED'],
      failures: 0,
    }),
  ),
  {
    trap: 'a result that has expired',
    protocol: 'JSON',
    failure: status(410, '{"error":{"message":"job expired"}}'),
    ends: [NODE_FAILED],
    failures: 1,
  },
  {
    trap: 'somebody else who stops the work',
    protocol: 'COG',
    async failure(node, taskId) {
      await fetch(`${node.url}/predictions/${taskId}-1/cancel`, { method: 'POST' });
      node.set({ pausesAt: null });
    },
    ends: [NODE_FAILED],
    failures: 1,
  },
];

describe.concurrent('what servers are known to do', () => {
  let yard: WorkersYard;

  beforeAll(async () => {
    yard = await openWorkers();
    await yard.worker();
  });

  afterAll(() => yard[Symbol.asyncDispose]());

  async function submit(protocol: ProtocolName, model: string, timeoutMs: number | null): Promise<string> {
    const once = { model, maxAttempts: 1, timeoutMs };
    if (protocol === 'COG' || protocol === 'JSON') {
      return yard.submit({ kind: 'CUSTOM', input: { type: model, payload: { a: 1 } }, ...once });
    }
    const hears = protocol === 'FAST_WHISPER' || protocol === 'WHISPER_CPP';
    return hears ? yard.submitSpeech(once) : yard.submit(once);
  }

  test.for(traps.map((trap, n) => ({ ...trap, model: `trap-${n}` })))(
    '$protocol: $trap',
    { timeout: 60_000 },
    async ({ protocol, model, failure, ends, failures }) => {
      const pausesAt = typeof failure === 'function' ? 0 : null;
      const node = await yard.simulate({ protocol, model, pausesAt, side: 16 });
      if (typeof failure !== 'function') node.failNext(failure);
      // So long that the node has been called by then, also by a busy machine.
      const taskId = await submit(protocol, model, ends.includes(TOO_LONG) ? 4_000 : null);
      const call = await node.received(1);
      if (typeof failure === 'function') await failure(node, taskId);
      const last = ends.at(-1);
      await yard.until(taskId, { status: last === 'SUCCEEDED' ? last : 'FAILED' }, 20_000);
      expect(await yard.attempts(taskId)).toMatchObject(
        ends.map((end) =>
          end === 'SUCCEEDED' ? { outcome: end } : { outcome: end[0], error: { code: end[1] } },
        ),
      );
      const health = () => yard.database.prisma.gpuNode.findUniqueOrThrow({ where: { id: node.nodeId } });
      expect(await health()).toMatchObject({ healthy: true, failures });

      // The node serves on, and nothing is left behind.
      await call.ended;
      const next = await submit(protocol, model, null);
      await yard.until(next, { status: 'SUCCEEDED' }, 20_000);
      const isWell = async () => expect(await health()).toMatchObject({ healthy: true, failures: 0 });
      await vi.waitFor(isWell, { timeout: 10_000 });
      await vi.waitFor(() => expect(node.inFlight).toBe(0), { timeout: 10_000 });
      expect(Math.max(...node.history.map(({ inFlight }) => inFlight))).toBe(1);
    },
  );
});

describe.concurrent('a node that answers nothing while it works', () => {
  test('is not taken for dead, and its work counts', { timeout: 60_000 }, async () => {
    await using yard = await openWorkers();
    const node = await yard.simulate({ protocol: 'OPENAI', stalls: true, latencyMs: 7_000, side: 16 });
    const stop = new AbortController();
    const probing = yard.nodes.probe(stop.signal);
    await yard.worker();
    const taskId = await yard.submit({ maxAttempts: 1 });
    await node.received(1);
    await yard.sql("UPDATE gpu_node SET next_probe_at = now() - interval '1 ms'");
    yard.carrier.announce({ type: 'node', id: node.nodeId });
    await yard.until(taskId, { status: 'SUCCEEDED', attempt: 1 }, 20_000);
    expect(await yard.attempts(taskId)).toMatchObject([{ outcome: 'SUCCEEDED' }]);
    stop.abort();
    await probing;
  });
});

describe.concurrent('a node whose model loads', () => {
  let yard: WorkersYard;
  let probing: Promise<void>;
  const stop = new AbortController();

  beforeAll(async () => {
    yard = await openWorkers();
    probing = yard.nodes.probe(stop.signal);
    await yard.worker();
  });

  afterAll(async () => {
    stop.abort();
    await probing;
    await yard[Symbol.asyncDispose]();
  });

  function submit(protocol: ProtocolName, model: string): Promise<string> {
    if (protocol === 'WHISPER_CPP') return yard.submitSpeech({ model });
    if (protocol === 'OPENAI') return yard.submit({ model });
    return yard.submit({ kind: 'CUSTOM', model, input: { type: model, payload: {} } });
  }

  test.for(['WHISPER_CPP', 'OPENAI', 'COG', 'JSON'] as const)(
    '%s: gets no work until it says that it is ready, and no try is spent',
    { timeout: 60_000 },
    async (protocol) => {
      const model = `loads-${protocol}`;
      const node = await yard.simulate({ protocol, model, ready: false, side: 16 });
      const { gpuNode } = yard.database.prisma;
      const where = { id: node.nodeId };
      await gpuNode.update({ where, data: { healthy: false } });
      const taskId = await submit(protocol, model);
      const wasAsked = async () =>
        expect((await gpuNode.findUniqueOrThrow({ where })).failures).toBeGreaterThanOrEqual(2);
      await vi.waitFor(wasAsked, { timeout: 15_000 });
      node.set({ ready: true });
      await yard.until(taskId, { status: 'SUCCEEDED', attempt: 1 }, 30_000);
      expect(node.history).toHaveLength(1);
    },
  );
});
