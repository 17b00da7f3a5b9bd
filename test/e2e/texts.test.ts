import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Client } from './outside/client.ts';
import { cancel, good, load, type Outcome, PROBLEM } from './outside/contract.ts';
import { type Cluster, openSiblings } from './outside/place.ts';
import { next, rest, until } from './outside/streams.ts';

vi.setConfig({ testTimeout: 60_000 });

let cluster: Cluster;
beforeAll(async () => {
  cluster = await openSiblings();
});
afterAll(() => cluster?.[Symbol.asyncDispose]());

interface Text {
  readonly __typename: 'Task';
  readonly id: string;
  readonly status: string;
  readonly version: number;
  readonly attempt: number;
  readonly partialText: string | null;
  readonly error: { readonly code: string } | null;
  readonly result: {
    readonly text?: string;
    readonly promptTokens?: number | null;
    readonly completionTokens?: number | null;
    readonly vectors?: readonly (readonly number[])[];
    readonly dimensions?: number;
    readonly images?: readonly { readonly width: number; readonly height: number; readonly url: string }[];
  } | null;
}
type Watched = { it: Text };

const TEXT = `fragment X on Task {
  __typename id status version attempt partialText error { code }
  result {
    ... on TextResult { text promptTokens completionTokens }
    ... on EmbeddingResult { vectors dimensions }
    ... on ImageResult { images { width height url } }
  }
}`;
const SUBMIT = `mutation ($input: SubmitTaskInput!) { it: submitTask(input: $input) { ...X ...P } } ${TEXT} ${PROBLEM}`;
const WATCH = `subscription ($id: ID!) { it: taskUpdated(id: $id) { ...X } } ${TEXT}`;

async function ask(client: Client, task: object, options: object = {}): Promise<Outcome<Text>> {
  return (await client.ask<{ it: Outcome<Text> }>(SUBMIT, { input: { task, ...options } })).it;
}

async function done(client: Client, task: object): Promise<Text> {
  const final = good<Text>(await ask(client, task, { waitMs: 20_000 }), 'Task');
  expect(final).toMatchObject({ status: 'SUCCEEDED', partialText: null });
  return final;
}

/** So many that a text is seen to grow, whatever holds up whoever reads it; a node may hurry in the end. */
const PIECES = 400;
const slow = { latencyMs: 100 * PIECES };

/** A node that takes its time for a text, and who asks for one. */
async function writing() {
  const [node, member] = await Promise.all([cluster.node(slow), cluster.member()]);
  const [one, two] = cluster.apis;
  const textGeneration = { prompt: 'the quick brown fox', model: node.model, maxTokens: PIECES };
  const task = good<Text>(await ask(member, { textGeneration }), 'Task');
  return { node, task, one: member.at(one.url), two: member.at(two.url) };
}

/** What was shown of a text: each is the beginning of the next. */
function growth(values: readonly Watched[]): string[] {
  const shown = values.flatMap(({ it }) => it.partialText ?? []);
  for (const [n, text] of shown.entries()) expect(text.startsWith(shown[n - 1] ?? '')).toBe(true);
  return shown;
}

/** Whether it has been shown at so many lengths by now. */
function hasGrown(times: number): (value: Watched) => boolean {
  const shown = new Set<string>();
  return ({ it }) => shown.add(it.partialText ?? '').size > times;
}

describe.concurrent('a text', () => {
  test('grows before the eyes of subscribers, over both transports from both processes', async () => {
    const { node, task, one, two } = await writing();
    await using socket = await two.socket();
    const streams = [
      one.sse<Watched>(WATCH, { id: task.id }),
      socket.subscribe<Watched>(WATCH, { id: task.id }),
    ];
    const begun = await Promise.all(streams.map((stream) => until(stream, hasGrown(4))));
    node.simulator.set({ latencyMs: 0 });
    const ended = await Promise.all(streams.map(rest));
    for (const values of begun.map((before, n) => [...before, ...(ended[n] ?? [])])) {
      const shown = growth(values);
      const { status, version, result, partialText } = values.at(-1)?.it ?? {};
      expect({ status, version, partialText }).toEqual({
        status: 'SUCCEEDED',
        version: 3,
        partialText: null,
      });
      expect(result).toMatchObject({ completionTokens: PIECES, promptTokens: 4 });
      expect(result?.text).toMatch(/^About the quick brown fox:/);
      expect(result?.text?.startsWith(shown.at(-1) ?? '')).toBe(true);
      const versions = values.map(({ it }) => it.version);
      expect(versions).toEqual(versions.toSorted((a, b) => a - b));
    }
  });

  test('is there for who comes back in its midst, and for who just asks', async () => {
    const { node, task, one, two } = await writing();
    const before = await until(one.sse<Watched>(WATCH, { id: task.id }), ({ it }) => it.partialText !== null);
    const seen = before.at(-1)?.it.partialText ?? '';
    const { it } = await two.ask<Watched>(`query ($id: ID!) { it: task(id: $id) { ...X } } ${TEXT}`, {
      id: task.id,
    });
    expect(it.partialText?.startsWith(seen)).toBe(true);
    const stream = two.sse<Watched>(WATCH, { id: task.id });
    const again = await next(stream);
    expect(again.it.partialText?.startsWith(it.partialText ?? '')).toBe(true);
    node.simulator.set({ latencyMs: 0 });
    expect((await rest(stream)).at(-1)?.it.status).toBe('SUCCEEDED');
  });

  test('that broke off starts anew with the next attempt', async () => {
    const { node, task, one } = await writing();
    const stream = one.sse<Watched>(WATCH, { id: task.id });
    await until(stream, ({ it }) => (it.partialText?.length ?? 0) > 20);
    await node.simulator.refuseConnections();
    const queued = (await until(stream, ({ it }) => it.status === 'QUEUED')).at(-1)?.it;
    expect(queued).toMatchObject({ partialText: null, error: expect.any(Object) });
    node.simulator.set({ slots: 0 });
    await node.simulator.acceptConnections();
    await node.simulator.received(2);
    const { attempt } = await load(one, task.id);
    expect(attempt).toBeGreaterThan(1);
    const silent = await until(stream, ({ it }) => it.attempt === attempt && it.status === 'RUNNING');
    expect(growth(silent)).toEqual([]);
    node.simulator.set({ slots: 1 });
    const begun = await until(stream, ({ it }) => it.partialText !== null);
    node.simulator.set({ latencyMs: 0 });
    const values = [...begun, ...(await rest(stream))];
    const { result } = values.at(-1)?.it ?? {};
    expect(result).toMatchObject({ completionTokens: PIECES });
    expect(result?.text?.startsWith(growth(values).at(-1) ?? '')).toBe(true);
    expect(await load(one, task.id)).toMatchObject({ status: 'SUCCEEDED', attempt });
  });

  test('that is canceled in its midst stops at its node, and is shown no more', async () => {
    const { node, task, one } = await writing();
    const stream = one.sse<Watched>(WATCH, { id: task.id });
    await until(stream, ({ it }) => it.partialText !== null);
    // What became of it is told again, should it not be known in time.
    await vi.waitFor(
      async () =>
        expect(good(await cancel(one, task.id), 'CancelTaskPayload').outcome).toBe('STOPPED_ON_NODE'),
      { timeout: 20_000 },
    );
    expect((await rest(stream)).at(-1)?.it).toMatchObject({
      status: 'CANCELED',
      partialText: null,
      result: null,
    });
    expect((await (await node.simulator.received(1)).ended).outcome).toBe('stopped');
  });

  test('on a node of one’s own grows as well', async () => {
    const [node, member] = await Promise.all([cluster.node({ protocol: 'JSON', ...slow }), cluster.member()]);
    const messages = [
      { role: 'SYSTEM', content: 'be brief' },
      { role: 'USER', content: 'sing of foxes' },
    ];
    const textGeneration = { messages, model: node.model, maxTokens: PIECES };
    const { id } = good<Text>(await ask(member, { textGeneration }), 'Task');
    const stream = member.sse<Watched>(WATCH, { id });
    const begun = await until(stream, hasGrown(3));
    node.simulator.set({ latencyMs: 0 });
    const values = [...begun, ...(await rest(stream))];
    const shown = growth(values);
    const { result } = values.at(-1)?.it ?? {};
    expect(result?.text).toMatch(/^About sing foxes:/);
    expect(result?.text?.startsWith(shown.at(-1) ?? '')).toBe(true);
  });

  test('is refused with the field named where its input is wrong', async () => {
    const member = await cluster.member();
    expect(await ask(member, { textGeneration: { prompt: 'a', messages: [] } })).toMatchObject({
      code: 'BAD_USER_INPUT',
      issues: expect.arrayContaining([
        { path: 'task.textGeneration.messages', message: 'must be left out where there is a prompt' },
      ]),
    });
    expect(await ask(member, { textGeneration: { prompt: 'a', temperature: 9 } })).toMatchObject({
      issues: [{ path: 'task.textGeneration.temperature' }],
    });
  });
});

function closeness(a: readonly number[] = [], b: readonly number[] = []): number {
  return a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);
}

describe.concurrent('embeddings', () => {
  test('are vectors in the order of the texts, few in the row and many in a file', async () => {
    const [node, member] = await Promise.all([cluster.node(), cluster.member()]);
    const known = ['a red fox in the snow', 'red foxes in snow', 'the price of bread'];
    const embed = async (texts: readonly string[]) => {
      const { result } = await done(member, { embedding: { texts, model: node.model } });
      expect(result).toMatchObject({ dimensions: 128 });
      expect(result?.vectors).toHaveLength(texts.length);
      return result?.vectors ?? [];
    };
    const few = await embed(known);
    expect(closeness(few[0], few[0])).toBeCloseTo(1);
    expect(closeness(few[0], few[1])).toBeGreaterThan(closeness(few[0], few[2]) + 0.2);
    const many = await embed([...Array.from({ length: 297 }, (_, n) => `text ${n}`), ...known]);
    expect(many.slice(-3)).toEqual(few);
  });

  test('are made in the batches that the node asks for, with progress', async () => {
    const [node, member] = await Promise.all([
      cluster.node({ textsAtOnce: 4, latencyMs: 150 }),
      cluster.member(),
    ]);
    const texts = Array.from({ length: 10 }, (_, n) => `text ${n}`);
    await done(member, { embedding: { texts, model: node.model } });
    expect(node.simulator.history.map(({ input, inFlight }) => [input.count, inFlight])).toEqual([
      [4, 1],
      [4, 1],
      [2, 1],
    ]);
  });
});

test('a picture is changed into one of its own size', async () => {
  const [node, member] = await Promise.all([cluster.node(), cluster.member()]);
  const drawn = await done(member, {
    textToImage: { prompt: 'a pot', model: node.model, width: 96, height: 64, steps: 1 },
  });
  const [{ url = '' } = {}] = drawn.result?.images ?? [];
  const picture = await (await fetch(url)).blob();
  const imageToImage = { image: { upload: null }, prompt: 'of gold', strength: 0.5, model: node.model };
  const input = { task: { imageToImage }, waitMs: 20_000 };
  const files = { 'variables.input.task.imageToImage.image.upload': picture };
  const { it } = await member.upload<{ it: Outcome<Text> }>(SUBMIT, { input }, files);
  expect(good<Text>(it, 'Task')).toMatchObject({
    status: 'SUCCEEDED',
    result: { images: [{ width: 96, height: 64 }] },
  });
});
