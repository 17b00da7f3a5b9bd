import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { decodeId } from '../../src/ids.ts';
import {
  cancel,
  draw,
  drawn,
  EVENTS,
  type EventView,
  good,
  load,
  picture,
  remove,
  soon,
  submit,
  type TaskView,
  typesOf,
  WATCH,
} from './outside/contract.ts';
import { type OpenedPlace, openPlace, uniqueName } from './outside/place.ts';
import { rest } from './outside/streams.ts';

vi.setConfig({ testTimeout: 60_000 });

let place: OpenedPlace;
beforeAll(async () => {
  place = await openPlace();
});
afterAll(() => place?.[Symbol.asyncDispose]());

/** Lets a time of a task come. @returns that time */
async function bring(column: 'start_at' | 'deadline', { id }: TaskView): Promise<Date> {
  const sql = `UPDATE task SET ${column} = now() + interval '300 ms' WHERE id = $1 RETURNING ${column} AS at`;
  const { rows } = await place.database.pool.query<{ at: Date }>(sql, [decodeId('Task', id)]);
  if (!rows[0]) throw new Error('no such task');
  return rows[0].at;
}

describe.concurrent('submitTask', () => {
  test('a task runs to its result and tells everything about it', async () => {
    const node = await place.node();
    const member = await place.member();
    const task = await drawn(member, node.model, {
      labels: { project: 'fox' },
      ...picture(node.model, { seed: 7 }),
    });
    expect(task).toMatchObject({
      kind: 'TEXT_TO_IMAGE',
      model: node.model,
      queue: `text-to-image/${node.model}`,
      status: 'SUCCEEDED',
      priority: 'NORMAL',
      version: 3,
      labels: { project: 'fox' },
      attempt: 1,
      maxAttempts: 3,
      queuePosition: null,
      error: null,
      attempts: [{ number: 1, outcome: 'SUCCEEDED', error: null }],
      user: { id: member.id, username: member.username },
      gpuNode: { id: node.id, name: node.name, url: null, protocol: null },
      result: { __typename: 'ImageResult', images: [{ mimeType: 'image/png', width: 64, height: 64 }] },
      startAt: null,
      deadline: null,
    });
    expect(task.id).toMatch(/^task_[0-9a-z]{26}$/);
    expect(task.input).toMatchObject({
      prompt: 'a red fox',
      width: 64,
      height: 64,
      steps: 1,
      seed: 7,
      count: 1,
    });
    expect(typesOf(task)).toEqual(['SUBMITTED', 'STARTED', 'SUCCEEDED']);
    expect(task.events.map(({ version }) => version)).toEqual([1, 2, 3]);
    const times = [task.createdAt, task.startedAt, task.finishedAt].map((time) => Date.parse(time ?? ''));
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(task.createdAt).toMatch(/Z$/);
    expect(task.queuedMs).toBeGreaterThanOrEqual(0);
    expect(task.runningMs).toBeGreaterThanOrEqual(0);
    expect(task.gpuSeconds).toBeGreaterThan(0);
  });

  test('the answer comes at once without waitMs, and with it when the task is final or the time is over', async () => {
    const node = await place.node({ slots: 0 });
    const member = await place.member();
    const queued = await draw(member, node.model);
    expect(queued).toMatchObject({ status: 'QUEUED', version: 1, attempt: 0, startedAt: null });
    const waited = await draw(member, node.model, { waitMs: 200 });
    expect(waited.status).toBe('QUEUED');
    const waiting = draw(member, node.model, { waitMs: 50_000 });
    node.simulator.set({ slots: 1 });
    expect((await waiting).status).toBe('SUCCEEDED');
  });

  test('a priority above the tier is lowered to what it allows', async () => {
    const node = await place.node({ slots: 0 });
    const expected = { FREE: 'NORMAL', PRO: 'HIGH', VIP: 'URGENT' };
    for (const [tier, priority] of Object.entries(expected)) {
      const member = await place.member({ tier });
      expect((await draw(member, node.model, { priority: 'URGENT' })).priority).toBe(priority);
      expect((await draw(member, node.model, { priority: 'LOW' })).priority).toBe('LOW');
    }
  });

  test('the places in the queue follow the priorities', async () => {
    const node = await place.node({ slots: 0 });
    const member = await place.member({ tier: 'VIP' });
    await draw(member, node.model);
    await node.simulator.received(1);
    const normal = await draw(member, node.model);
    const urgent = await draw(member, node.model, { priority: 'URGENT' });
    expect((await load(member, urgent.id)).queuePosition).toBe(1);
    expect((await load(member, normal.id)).queuePosition).toBe(2);
  });

  test('a task with a start time is scheduled, then released, and no earlier', async () => {
    const node = await place.node();
    const member = await place.member();
    const startAt = soon(3_600_000);
    const task = await draw(member, node.model, { startAt });
    expect(task).toMatchObject({ status: 'SCHEDULED', startAt, queuePosition: null });
    const startedAt = await bring('start_at', task);
    const events = await rest(member.sse<{ it: EventView }>(EVENTS, { id: task.id }));
    expect(events.map(({ it }) => [it.type, it.status])).toEqual([
      ['SUBMITTED', 'SCHEDULED'],
      ['RELEASED', 'QUEUED'],
      ['STARTED', 'RUNNING'],
      ['SUCCEEDED', 'SUCCEEDED'],
    ]);
    expect(Date.parse(events[1]?.it.at ?? '')).toBeGreaterThanOrEqual(startedAt.getTime());
  });

  test('no attempt starts after the deadline', async () => {
    const node = await place.node({ slots: 0 });
    const member = await place.member();
    const first = await draw(member, node.model);
    await node.simulator.received(1);
    const deadline = soon(3_600_000);
    const task = await draw(member, node.model, { deadline });
    expect(task).toMatchObject({ status: 'QUEUED', deadline });
    await bring('deadline', task);
    const updates = await rest(member.sse<{ it: TaskView }>(WATCH, { id: task.id }));
    expect(updates.at(-1)?.it).toMatchObject({
      status: 'FAILED',
      attempts: [],
      error: { code: 'DEADLINE_EXCEEDED', retryable: expect.any(Boolean), attempt: 0 },
    });
    expect((await load(member, first.id)).status).toBe('RUNNING');
    expect(node.simulator.history).toHaveLength(1);
  });

  test('an attempt that takes longer than timeoutMs is TIMED_OUT', async () => {
    const node = await place.node({ slots: 0 });
    const member = await place.member();
    const task = await drawn(member, node.model, { timeoutMs: 300, maxAttempts: 1 });
    expect(task).toMatchObject({
      status: 'FAILED',
      error: { code: 'TIMED_OUT', attempt: 1 },
      attempts: [{ number: 1, outcome: 'TIMED_OUT', error: { code: 'TIMED_OUT' } }],
    });
  });

  test('a failed attempt is retried, up to maxAttempts; the dead task keeps its attempts', async () => {
    const node = await place.node({ protocol: 'QWEN_IMAGE_GGUF' });
    const member = await place.member();
    node.simulator.failNext({ type: 'fail' }, 2);
    const task = await drawn(member, node.model, { maxAttempts: 2 });
    expect(task).toMatchObject({
      status: 'FAILED',
      attempt: 2,
      result: null,
      error: { code: 'NODE_ERROR', attempt: 2, message: expect.stringContaining('out of memory') },
      attempts: [
        { number: 1, outcome: 'FAILED', gpuNode: { id: node.id } },
        { number: 2, outcome: 'FAILED' },
      ],
    });
    expect(typesOf(task)).toEqual(['SUBMITTED', 'STARTED', 'RETRYING', 'STARTED', 'FAILED']);
  });

  test('a task that the node refuses as such is not retried', async () => {
    const node = await place.node();
    const member = await place.member();
    node.simulator.failNext({ type: 'status', status: 400, body: '{"error":{"message":"no foxes"}}' });
    const task = await drawn(member, node.model);
    expect(task).toMatchObject({
      status: 'FAILED',
      attempt: 1,
      error: { code: 'NODE_REJECTED', retryable: false, message: expect.stringContaining('no foxes') },
    });
  });

  test('an idempotency key is one task, a conflict with another input, and each user has his own', async () => {
    const node = await place.node({ slots: 0 });
    const [member, other] = await Promise.all([place.member(), place.member()]);
    const idempotencyKey = uniqueName('key');
    const task = await draw(member, node.model, { idempotencyKey });
    expect((await draw(member, node.model, { idempotencyKey, waitMs: 10 })).id).toBe(task.id);
    expect(
      await submit(member, { ...picture(node.model, { prompt: 'a blue fox' }), idempotencyKey }),
    ).toMatchObject({
      __typename: 'IdempotencyConflictError',
      code: 'IDEMPOTENCY_CONFLICT',
      task: { id: task.id },
    });
    expect((await draw(other, node.model, { idempotencyKey })).id).not.toBe(task.id);
    await cancel(member, task.id);
    expect((await draw(member, node.model, { idempotencyKey })).id).toBe(task.id);
    await remove(member, task.id);
    expect((await draw(member, node.model, { idempotencyKey })).id).not.toBe(task.id);
  });

  test('the same key many times at once is one task', async () => {
    const node = await place.node({ slots: 0 });
    const member = await place.member();
    const idempotencyKey = uniqueName('key');
    const all = await Promise.all(
      Array.from({ length: 30 }, () => draw(member, node.model, { idempotencyKey })),
    );
    expect(new Set(all.map(({ id }) => id)).size).toBe(1);
  });

  test('a model that none offers is told with the nearest; one whose node is down waits', async () => {
    const node = await place.node();
    const member = await place.member();
    expect(await submit(member, picture(`${node.model}x`))).toMatchObject({
      __typename: 'NoSuchModelError',
      code: 'NO_SUCH_MODEL',
      nearest: expect.arrayContaining([node.model]),
    });
    await node.simulator.refuseConnections();
    const waiting = await draw(member, node.model);
    await node.simulator.acceptConnections();
    const updates = await rest(member.sse<{ it: TaskView }>(WATCH, { id: waiting.id }));
    expect(updates.at(-1)?.it.status).toBe('SUCCEEDED');
    expect(updates.at(-1)?.it.attempts.filter(({ outcome }) => outcome === 'FAILED')).toEqual([]);
  });

  test('a model left out is the default one, and is stored', async () => {
    await place.node();
    const member = await place.member();
    const { models } = await member.ask<{ models: { kind: string; name: string; isDefault: boolean }[] }>(
      '{ models { kind name isDefault slots freeSlots } }',
    );
    const standard = models.filter(({ kind, isDefault }) => kind === 'TEXT_TO_IMAGE' && isDefault);
    expect(standard).toHaveLength(1);
    const task = good<TaskView>(await submit(member, { task: { textToImage: { prompt: 'any' } } }), 'Task');
    expect(task.model).toBe(standard[0]?.name);
    await cancel(member, task.id);
  });

  test('what is wrong with an input is told by its path', async () => {
    const member = await place.member();
    const pathsOf = async (input: object) => {
      const outcome = await submit(member, input);
      expect(outcome).toMatchObject({ __typename: 'InvalidInputError', code: 'BAD_USER_INPUT' });
      return 'issues' in outcome ? outcome.issues?.map(({ path }) => path).toSorted() : [];
    };
    expect(await pathsOf(picture('any', { prompt: '', width: 1 }))).toEqual([
      'task.textToImage.prompt',
      'task.textToImage.width',
    ]);
    const options = { labels: { a: 1 }, timeoutMs: -1, maxAttempts: 0, waitMs: 60_001 };
    expect(await pathsOf({ ...picture('any'), ...options })).toEqual([
      ...['labels.a', 'maxAttempts', 'timeoutMs', 'waitMs'],
    ]);
  });
});
