import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  type Canceled,
  cancel,
  draw,
  drawn,
  EVENTS,
  type EventView,
  find,
  good,
  load,
  remove,
  retry,
  soon,
  type TaskView,
  typesOf,
  WATCH,
} from './outside/contract.ts';
import { openPlace, type Place } from './outside/place.ts';
import { rest, until } from './outside/streams.ts';

let place: Place;
beforeAll(async () => {
  place = await openPlace();
});
afterAll(() => place?.[Symbol.asyncDispose]());

describe.concurrent('cancelTask, retryTask, deleteTask', () => {
  test('a waiting or scheduled task is removed from the queue; a second cancel repeats the answer', async () => {
    const node = await place.node({ slots: 0 });
    const member = await place.member();
    await draw(member, node.model);
    await node.simulator.received(1);
    const queued = await draw(member, node.model);
    const scheduled = await draw(member, node.model, { startAt: soon(3_600_000) });
    for (const { id } of [queued, scheduled]) {
      const canceled = good<Canceled>(await cancel(member, id), 'CancelTaskPayload');
      expect(canceled).toMatchObject({
        outcome: 'REMOVED_FROM_QUEUE',
        task: { status: 'CANCELED', version: 2 },
      });
      expect(await cancel(member, id)).toEqual(canceled);
    }
    expect(node.simulator.history).toHaveLength(1);
  });

  test('a running task is stopped where its protocol can, and abandoned elsewhere', async () => {
    const expected = { OPENAI: 'STOPPED_ON_NODE', QWEN_IMAGE_GGUF: 'ABANDONED' } as const;
    const member = await place.member();
    for (const [protocol, outcome] of Object.entries(expected)) {
      const node = await place.node({ protocol: protocol as keyof typeof expected, slots: 0 });
      const task = await draw(member, node.model);
      const call = await node.simulator.received(1);
      const canceled = good<Canceled>(await cancel(member, task.id), 'CancelTaskPayload');
      expect(canceled).toMatchObject({ task: { status: 'CANCELED' } });
      // The answer waits for the outcome half a second only.
      const told = { outcome, task: { version: canceled.task.version } };
      await vi.waitFor(async () => expect(await cancel(member, task.id)).toMatchObject(told), {
        timeout: 10_000,
      });
      node.simulator.set({ slots: 1 });
      expect((await call.ended).outcome).toBe(outcome === 'ABANDONED' ? 'answered' : 'stopped');
      expect((await drawn(member, node.model)).status).toBe('SUCCEEDED');
      const after = await load(member, task.id);
      expect(after).toMatchObject({ status: 'CANCELED', result: null, attempts: [{ outcome: 'CANCELED' }] });
      expect(typesOf(after)).toEqual(['SUBMITTED', 'STARTED', 'CANCELED']);
    }
  });

  test('what is final cannot be canceled, and what is not the caller’s is not found', async () => {
    const node = await place.node();
    const [member, stranger] = await Promise.all([place.member(), place.member()]);
    const task = await drawn(member, node.model);
    expect(await cancel(member, task.id)).toMatchObject({
      __typename: 'InvalidStateError',
      code: 'INVALID_STATE',
      state: 'SUCCEEDED',
    });
    for (const refused of [
      await cancel(stranger, task.id),
      await retry(stranger, task.id),
      await remove(stranger, task.id),
      await cancel(member, 'task_01h455vb4pex5vsknk084sn02q'),
      await cancel(member, 'nonsense'),
      await cancel(member, member.id),
    ]) {
      expect(refused).toMatchObject({ __typename: 'NotFoundError', code: 'NOT_FOUND' });
    }
    expect(await find(member, task.id)).toMatchObject({ status: 'SUCCEEDED' });
  });

  test('a dead task is retried with a new attempt, and a canceled one too', async () => {
    const node = await place.node();
    const member = await place.member();
    node.simulator.failNext({ type: 'fail' });
    const dead = await drawn(member, node.model, { maxAttempts: 1 });
    expect(dead.status).toBe('FAILED');
    node.simulator.set({ slots: 0 });
    const retried = good<TaskView>(await retry(member, dead.id), 'Task');
    expect(retried).toMatchObject({ id: dead.id, finishedAt: null });
    expect(await retry(member, dead.id)).toMatchObject({ code: 'INVALID_STATE' });
    await node.simulator.received(2);
    await cancel(member, dead.id);
    good<TaskView>(await retry(member, dead.id), 'Task');
    node.simulator.set({ slots: 1 });
    const updates = await rest(member.sse<{ it: TaskView }>(WATCH, { id: dead.id }));
    const task = updates.at(-1)?.it;
    expect(task).toMatchObject({
      status: 'SUCCEEDED',
      attempts: [{ number: 1 }, { number: 2 }, { number: 3 }],
    });
    expect(task?.events.map(({ type }) => type)).toEqual([
      ...[
        'SUBMITTED',
        'STARTED',
        'FAILED',
        'RETRIED',
        'STARTED',
        'CANCELED',
        'RETRIED',
        'STARTED',
        'SUCCEEDED',
      ],
    ]);
    expect(task?.events.map(({ version }) => version)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test('only what is final can be deleted; its streams complete and its files are gone', async () => {
    const node = await place.node();
    const member = await place.member();
    const task = await drawn(member, node.model);
    const file = task.result?.images?.[0];
    expect((await fetch(file?.url ?? '')).status).toBe(200);
    await using socket = await member.socket();
    const events = socket.subscribe<{ it: EventView }>(EVENTS, { id: task.id, after: 0 });
    const beyond = socket.subscribe<{ it: EventView }>(EVENTS, { id: task.id, after: task.version });
    await until(events, ({ it }) => it.version === task.version);
    expect(await remove(member, task.id)).toEqual({ __typename: 'DeleteTaskPayload', id: task.id });
    expect(await rest(events)).toEqual([]);
    expect(await rest(beyond)).toEqual([]);
    expect(await find(member, task.id)).toBeNull();
    expect(await remove(member, task.id)).toMatchObject({ code: 'NOT_FOUND' });
    expect((await fetch(file?.url ?? '')).status).toBe(404);

    node.simulator.set({ slots: 0 });
    const running = await draw(member, node.model);
    expect(await remove(member, running.id)).toMatchObject({
      __typename: 'InvalidStateError',
      state: expect.stringMatching(/QUEUED|RUNNING/),
    });
  });
});
