import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SimulatedCall } from '../../simulator/index.ts';
import { good, type Outcome, PROBLEM } from './outside/contract.ts';
import { type Member, openPlace, type Place, type SimulatedNode } from './outside/place.ts';
import { rest } from './outside/streams.ts';

let place: Place;
let member: Member;
let node: SimulatedNode;

beforeAll(async () => {
  place = await openPlace();
  [member, node] = await Promise.all([place.member(), place.node({ slots: 2 })]);
});
afterAll(() => place?.[Symbol.asyncDispose]());

interface TaskView {
  readonly ref: string;
  readonly status: string;
  readonly attempt: number;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly result: {
    readonly text?: string;
    readonly images?: readonly { readonly sha256: string }[];
  } | null;
}

interface BatchView {
  readonly __typename: 'Batch';
  readonly id: string;
  readonly total: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly finishedAt: string | null;
}

const BATCH = 'fragment B on Batch { __typename id total queued running succeeded failed finishedAt }';
const SUBMIT = `mutation ($input: SubmitTasksInput!) { it: submitTasks(input: $input) { ...B ...P } } ${BATCH} ${PROBLEM}`;
const WATCH = `subscription ($id: ID!) { it: batchUpdated(id: $id) { ...B } } ${BATCH}`;
const TASKS = `query ($id: ID!) { batch(id: $id) { tasks(first: 100) { edges { node {
  ref status attempt error { code message } result { ... on TextResult { text } ... on ImageResult { images { sha256 } } }
} } } } }`;

async function run(tasks: readonly object[]): Promise<{ last: BatchView; byRef: Map<string, TaskView> }> {
  const answer = await member.ask<{ it: Outcome<BatchView> }>(SUBMIT, { input: { tasks } });
  const { id } = good(answer.it, 'Batch');
  const seen = await rest(member.sse<{ it: BatchView }>(WATCH, { id }));
  const last = seen.at(-1)?.it;
  if (!last) throw new Error('the batch was never told');
  type Listed = { batch: { tasks: { edges: { node: TaskView }[] } } };
  const { batch } = await member.ask<Listed>(TASKS, { id });
  return { last, byRef: new Map(batch.tasks.edges.map((edge) => [edge.node.ref, edge.node])) };
}

const callWith = (part: string): SimulatedCall | undefined =>
  node.simulator.history.find(({ input }) => JSON.stringify(input).includes(part));

describe('a graph of tasks', () => {
  test('hands texts and pictures down, and each is sent what the ones before it made', async () => {
    const { model } = node;
    const size = { width: 64, height: 64 };
    const { last, byRef } = await run([
      {
        ref: 'night',
        input: {
          task: {
            imageToImage: { prompt: 'the same at night', model, image: { fromTask: { ref: 'scene' } } },
          },
        },
      },
      {
        ref: 'story',
        input: { task: { textGeneration: { prompt: 'a lighthouse keeper', model, maxTokens: 20 } } },
      },
      {
        ref: 'scene',
        input: {
          task: { textToImage: { prompt: 'Watercolour of: {{story}}!', model, count: 1, ...size } },
          textsFrom: [{ name: 'story', ref: 'story' }],
        },
      },
      { ref: 'after', dependsOnRefs: ['night'], input: { task: { embedding: { texts: ['done'], model } } } },
    ]);
    expect(last).toMatchObject({ total: 4, succeeded: 4, failed: 0 });
    expect(last.finishedAt).not.toBeNull();
    const text = byRef.get('story')?.result?.text ?? '';
    expect(text.length).toBeGreaterThan(10);
    expect(callWith('Watercolour')?.input.prompt).toBe(`Watercolour of: ${text}!`);
    expect(byRef.get('night')?.result?.images).toHaveLength(1);
    // The picture that it began with was sent along.
    expect(callWith('the same at night')?.route).toContain('edits');
  });

  test('fails where what was made does not fit, says why, and takes what depends on it along', async () => {
    const { model } = node;
    const echo = await place.node({ protocol: 'JSON' });
    const { byRef } = await run([
      { ref: 'long', input: { task: { textGeneration: { prompt: 'all', model, maxTokens: 4_000 } } } },
      {
        ref: 'picture',
        input: {
          task: { textToImage: { prompt: '{{text}}', model } },
          textsFrom: [{ name: 'text', ref: 'long' }],
        },
      },
      {
        ref: 'third',
        input: { task: { imageToImage: { prompt: 'x', model, image: { fromTask: { ref: 'picture' } } } } },
      },
      { ref: 'none', input: { task: { custom: { type: echo.model, payload: { no: 'files' } } } } },
      {
        ref: 'fileless',
        input: { task: { imageToImage: { prompt: 'x', model, image: { fromTask: { ref: 'none' } } } } },
      },
    ]);
    expect(byRef.get('picture')).toMatchObject({
      status: 'FAILED',
      attempt: 1,
      error: {
        code: 'INPUT_UNAVAILABLE',
        message: expect.stringMatching(/prompt: must have at most 10,000 characters$/),
      },
    });
    expect(byRef.get('third')?.error?.code).toBe('DEPENDENCY_FAILED');
    expect(byRef.get('fileless')?.error).toMatchObject({
      code: 'INPUT_UNAVAILABLE',
      message: expect.stringMatching(/made 0 files: there is no number 0$/),
    });
  });
});
