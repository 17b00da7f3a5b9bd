import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { good, submit, type TaskView, WATCH } from './outside/contract.ts';
import { type Member, openPlace, type Place, type SimulatedNode } from './outside/place.ts';
import { rest } from './outside/streams.ts';

const png =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

let place: Place;
let member: Member;
let node: SimulatedNode;

beforeAll(async () => {
  place = await openPlace();
  // It answers every payload as it is.
  [member, node] = await Promise.all([place.member(), place.node({ protocol: 'JSON' })]);
});

afterAll(() => place?.[Symbol.asyncDispose]());

const ask = (payload: unknown, type = node.model) =>
  submit(member, { task: { custom: { type, payload } }, waitMs: 30_000 });
const done = async (payload: unknown) => good<TaskView>(await ask(payload), 'Task');

/** Arrays in each other. */
const nested = (depth: number): unknown => (depth === 0 ? 0 : [nested(depth - 1)]);

describe('a custom task', () => {
  test('runs on a node that offers its type, and answers what that made of the payload', async () => {
    const payload = { text: 'größer', artifactId: 'mine', list: [1, null, { deep: true }] };
    expect(await done(payload)).toMatchObject({
      status: 'SUCCEEDED',
      model: node.model,
      queue: `custom/${node.model}`,
      input: { type: node.model, payload },
      result: { __typename: 'CustomResult', value: payload, files: [] },
    });
  });

  test('has its files as artifacts, by the type that their bytes tell', async () => {
    const { result } = await done({ picture: `data:text/plain;base64,${png}`, seed: 7 });
    expect(result).toMatchObject({
      value: { picture: { file: 0 }, seed: 7 },
      files: [{ mimeType: 'image/png', width: 1, height: 1 }],
    });
    const answer = await fetch(result?.files?.[0]?.url ?? '');
    expect(Buffer.from(await answer.arrayBuffer()).toString('base64')).toBe(png);
  });

  test('shows how far its model says that it is', async () => {
    const slow = await place.node({ protocol: 'JSON', latencyMs: 1_200 });
    const custom = { type: slow.model, payload: {} };
    const task = good<TaskView>(await submit(member, { task: { custom } }), 'Task');
    const seen = await rest(member.sse<{ it: TaskView }>(WATCH, { id: task.id }));
    const told = seen.flatMap(({ it }) => it.progress ?? []);
    expect(told.length).toBeGreaterThan(1);
    expect(told).toEqual(told.toSorted((a, b) => a - b));
    expect(told.every((value) => value > 0 && value <= 1)).toBe(true);
  });

  test('of a type that no node offers is refused, and the nearest is named', async () => {
    expect(await ask({}, `${node.model}x`)).toMatchObject({
      code: 'NO_SUCH_MODEL',
      nearest: expect.arrayContaining([node.model]),
    });
  });

  test.for([
    ['nested too deep', nested(33), 'must be nested at most 32 deep'],
    ['too large', { text: 'x'.repeat(300_000) }, /^must have at most 262144 bytes as JSON, not 300011/],
  ] as const)('%s is refused, and the field is named', async ([, payload, message]) => {
    expect(await ask(payload)).toMatchObject({
      code: 'BAD_USER_INPUT',
      issues: [{ path: 'task.custom.payload', message: expect.stringMatching(message) }],
    });
    expect((await done(nested(32))).status).toBe('SUCCEEDED');
  });

  test('without a payload is refused', async () => {
    await expect(ask(null)).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
  });
});
