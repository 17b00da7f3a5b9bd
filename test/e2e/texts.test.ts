import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from './outside/client.ts';
import { cancel, good, load, type Outcome, PROBLEM } from './outside/contract.ts';
import { type Cluster, openSiblings } from './outside/place.ts';
import { next, rest, until } from './outside/streams.ts';

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

/** A node that takes so long for a text of forty pieces, and who asks for one. */
async function writing(latencyMs: number, prompt = 'the quick brown fox') {
  const [node, member] = await Promise.all([cluster.node({ latencyMs }), cluster.member()]);
  const [one, two] = cluster.apis;
  const textGeneration = { prompt, model: node.model, maxTokens: 40 };
  const task = good<Text>(await ask(member, { textGeneration }), 'Task');
  return { node, task, one: member.at(one.url), two: member.at(two.url) };
}

/** What was shown of a text: each is the beginning of the next. */
function growth(values: readonly Watched[]): string[] {
  const shown = values.flatMap(({ it }) => it.partialText ?? []);
  for (const [n, text] of shown.entries()) expect(text.startsWith(shown[n - 1] ?? '')).toBe(true);
  return shown;
}

describe.concurrent('a text', () => {
  test('grows before the eyes of subscribers, over both transports from both processes', async () => {
    const { task, one, two } = await writing(3_000);
    await using socket = await two.socket();
    const streams = [
      one.sse<Watched>(WATCH, { id: task.id }),
      socket.subscribe<Watched>(WATCH, { id: task.id }),
    ];
    for (const values of await Promise.all(streams.map(rest))) {
      const shown = growth(values);
      expect(new Set(shown).size).toBeGreaterThan(3);
      const { status, version, result, partialText } = values.at(-1)?.it ?? {};
      expect({ status, version, partialText }).toEqual({
        status: 'SUCCEEDED',
        version: 3,
        partialText: null,
      });
      expect(result).toMatchObject({ completionTokens: 40, promptTokens: 4 });
      expect(result?.text).toMatch(/^About the quick brown fox:/);
      expect(result?.text?.startsWith(shown.at(-1) ?? '')).toBe(true);
      const versions = values.map(({ it }) => it.version);
      expect(versions).toEqual(versions.toSorted((a, b) => a - b));
    }
  });

  test('is there for who comes back in its midst, and for who just asks', async () => {
    const { task, one, two } = await writing(4_000);
    const before = await until(one.sse<Watched>(WATCH, { id: task.id }), ({ it }) => it.partialText !== null);
    const seen = before.at(-1)?.it.partialText ?? '';
    const { it } = await two.ask<Watched>(`query ($id: ID!) { it: task(id: $id) { ...X } } ${TEXT}`, {
      id: task.id,
    });
    expect(it.partialText?.startsWith(seen)).toBe(true);
    const again = await next(two.sse<Watched>(WATCH, { id: task.id }));
    expect(again.it.partialText?.startsWith(it.partialText ?? '')).toBe(true);
  });

  test('that broke off starts anew with the next attempt', async () => {
    const { node, task, one } = await writing(3_000);
    const stream = one.sse<Watched>(WATCH, { id: task.id });
    await until(stream, ({ it }) => (it.partialText?.length ?? 0) > 20);
    await node.simulator.refuseConnections();
    const queued = await until(stream, ({ it }) => it.status === 'QUEUED');
    expect(queued.at(-1)?.it).toMatchObject({ partialText: null, attempt: 1, error: expect.any(Object) });
    await node.simulator.acceptConnections();
    const second = (await rest(stream)).filter(({ it }) => it.attempt === 2 && it.status === 'RUNNING');
    const [first] = growth(second);
    expect(first?.length).toBeLessThan(20);
    expect(await load(one, task.id)).toMatchObject({ status: 'SUCCEEDED', attempt: 2 });
  });

  test('that is canceled in its midst stops at its node, and is shown no more', async () => {
    const { node, task, one } = await writing(60_000);
    const stream = one.sse<Watched>(WATCH, { id: task.id });
    await until(stream, ({ it }) => it.partialText !== null);
    expect(good(await cancel(one, task.id), 'CancelTaskPayload')).toMatchObject({
      outcome: 'STOPPED_ON_NODE',
    });
    expect((await rest(stream)).at(-1)?.it).toMatchObject({
      status: 'CANCELED',
      partialText: null,
      result: null,
    });
    expect((await (await node.simulator.received(1)).ended).outcome).toBe('stopped');
  });

  test('on a node of one’s own grows as well', async () => {
    const [node, member] = await Promise.all([
      cluster.node({ protocol: 'JSON', latencyMs: 2_000 }),
      cluster.member(),
    ]);
    const messages = [
      { role: 'SYSTEM', content: 'be brief' },
      { role: 'USER', content: 'sing of foxes' },
    ];
    const textGeneration = { messages, model: node.model };
    const { id } = good<Text>(await ask(member, { textGeneration }), 'Task');
    const values = await rest(member.sse<Watched>(WATCH, { id }));
    expect(growth(values).length).toBeGreaterThan(2);
    expect(values.at(-1)?.it.result?.text).toMatch(/^About sing foxes:/);
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
