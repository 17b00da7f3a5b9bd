import pg from 'pg';
import { describe, expect, it, vi } from 'vitest';
import { NoSuchModelError } from '../../src/errors.ts';
import type { Pages } from '../../src/tasks/index.ts';
import { expectAllDone, expectInvariants } from '../support/invariants.ts';
import { claimOne, drain, failure, finish, submission, useYard } from '../support/yard.ts';
import { graph, statuses } from './graph-support.ts';

const open = useYard();

async function* pagesOf(ids: readonly string[], size = 40): Pages {
  for (let n = 0; n < ids.length; n += size) yield ids.slice(n, n + size);
}

const soon = (): Date => new Date(Date.now() + 3_600_000);

/** Tasks of a new user on a node of its own, and what the user does to them. */
async function field(model: string, slots = 100) {
  const yard = open();
  await yard.addNode({ models: [model], slots });
  const userId = await yard.addUser();
  const submit = async (changes = {}): Promise<string> =>
    (await yard.tasks.submit(submission(userId, { model, ...changes }), 'VIP')).taskId;
  const many = async (count: number, changes = {}): Promise<string[]> =>
    (await Promise.all(Array.from({ length: count }, () => submit(changes)))).toSorted();
  const acts = () =>
    yard.sql<{
      taskId: string;
      version: number;
      type: string;
      userId: string;
      input: unknown;
      model: unknown;
    }>(
      `SELECT a.task_id AS "taskId", a.version, e.type, a.user_id AS "userId", a.input, a.model
       FROM task_act a JOIN task_event e USING (task_id, version) JOIN task t ON t.id = a.task_id
       WHERE t.user_id = $1 ORDER BY a.task_id, a.version`,
      [userId],
    );
  /** Runs all that waits, to its failure. */
  async function failAll(): Promise<void> {
    for (;;) {
      const claimed = await yard.tasks.claim({ workerId: yard.workerId, limit: 100 });
      if (claimed.length === 0) return;
      await Promise.all(claimed.map((one) => finish(yard.tasks, failure(one, { retryable: false }))));
    }
  }
  return { yard, userId, submit, many, acts, failAll };
}

describe('many tasks', () => {
  it('are retried in pages, each that can be and no other, and it is noted who asked', async () => {
    const { yard, userId, submit, many, acts, failAll } = await field('many-retried');
    const dead = await many(100);
    await failAll();
    const canceled = await submit();
    await yard.tasks.cancel(canceled);
    const overdue = await submit();
    await failAll();
    await yard.sql("UPDATE task SET deadline = now() - interval '1 hour' WHERE id = $1", [overdue]);
    const waiting = await submit();
    const all = [...dead, canceled, overdue, waiting];
    // Whoever comes at the same time counts what he did himself.
    const counts = await Promise.all([
      yard.tasks.retryAll(pagesOf(all), userId),
      yard.tasks.retryAll(pagesOf(all.toReversed(), 7), userId),
    ]);
    expect(counts[0] + counts[1]).toBe(101);
    expect(new Set(await statuses(yard, [...dead, canceled, waiting]))).toEqual(new Set(['QUEUED']));
    expect(await statuses(yard, [overdue])).toEqual(['FAILED']);
    const noted = await acts();
    expect(noted.length).toBe(101);
    expect(new Set(noted.map(({ type, userId: by }) => `${type} ${by === userId}`))).toEqual(
      new Set(['RETRIED true']),
    );
    await expectInvariants(yard.database);
    expect((await drain(yard)).length).toBe(102);
    await expectAllDone(yard.database);
  });

  it('are retried with what depends on them', async () => {
    const { yard, userId, submit, failAll } = await field('families-retried');
    const lone = await submit();
    const chain = graph(userId, [[], [0], [1], [0]], { model: 'families-retried' });
    await yard.tasks.submitBatch(chain, 'VIP');
    await failAll();
    expect(await statuses(yard, chain.ids)).toEqual(Array(4).fill('FAILED'));
    expect(await yard.tasks.retryAll(pagesOf([...chain.ids, lone].toSorted()), userId)).toBe(5);
    expect(await statuses(yard, chain.ids)).toEqual(['QUEUED', 'BLOCKED', 'BLOCKED', 'BLOCKED']);
    await expectInvariants(yard.database);
    await drain(yard);
    await expectAllDone(yard.database);
  });

  it('are retried as far as what they depend on can be', async () => {
    const { yard, userId, failAll } = await field('partly-retried');
    // 0 and 2 fail; 1 needs 0, 3 needs 1 and 2.
    const { ids, ...batch } = graph(userId, [[], [0], [], [1, 2]], { model: 'partly-retried' });
    await yard.tasks.submitBatch(batch, 'VIP');
    await failAll();
    await yard.sql("UPDATE task SET deadline = now() - interval '1 hour' WHERE id = $1", [ids[2]]);
    expect(await yard.tasks.retryAll(pagesOf(ids), userId)).toBe(2);
    expect(await statuses(yard, ids)).toEqual(['QUEUED', 'BLOCKED', 'FAILED', 'FAILED']);
    await expectInvariants(yard.database);
    await drain(yard);
  });

  it('are retried by a few statements for each page, and none twice, though they fail again meanwhile', async () => {
    const { yard, userId, acts, failAll } = await field('wide-retried');
    const width = 80;
    const wide = Array.from({ length: width }, (_, n) => n);
    const { ids, ...batch } = graph(userId, [...wide.map(() => []), wide], { model: 'wide-retried' });
    await yard.tasks.submitBatch(batch, 'VIP');
    await failAll();
    const query = vi.spyOn(pg.Client.prototype, 'query');
    let statements = 0;
    async function* pages(): Pages {
      for await (const page of pagesOf(ids)) {
        // What follows the end of tasks sends statements, too.
        await yard.tasks.close();
        const before = query.mock.calls.length;
        yield page;
        statements += query.mock.calls.length - before;
        await failAll();
      }
    }
    try {
      expect(await yard.tasks.retryAll(pages(), userId)).toBe(width);
    } finally {
      query.mockRestore();
    }
    expect(statements).toBeLessThan(100);
    expect(new Set(await statuses(yard, ids))).toEqual(new Set(['FAILED']));
    const retried = (await acts()).map(({ taskId }) => taskId);
    expect(retried).toEqual(ids.slice(0, width));
    expect(await yard.tasks.retryAll(pagesOf(ids.slice(width)), userId)).toBe(width + 1);
    await drain(yard);
    await expectAllDone(yard.database);
  });

  it('are canceled wherever they are in their lives; whoever runs one is told', async () => {
    const { yard, userId, submit, many, acts } = await field('many-canceled', 10);
    const running = await many(10);
    const claimed = await yard.tasks.claim({ workerId: yard.workerId, limit: 10 });
    const queued = await many(60);
    const scheduled = await many(5, { startAt: soon() });
    const chain = graph(userId, [[], [0], [1]], { model: 'many-canceled' });
    await yard.tasks.submitBatch(chain, 'VIP');
    const done = await submit({ startAt: soon() });
    await yard.tasks.cancel(done);
    const told = new Set<string>();
    const deafen = yard.carrier.listen((heard) => {
      if (heard.type === 'cancel') told.add(heard.taskId);
    });
    const all = [...running, ...queued, ...scheduled, ...chain.ids, done].toSorted().toReversed();
    const counts = await Promise.all([
      yard.tasks.cancelAll(pagesOf(all), userId),
      yard.tasks.cancelAll(pagesOf(all, 9), userId),
    ]);
    deafen();
    expect(counts[0] + counts[1]).toBe(78);
    expect(new Set(await statuses(yard, all))).toEqual(new Set(['CANCELED']));
    expect(told).toEqual(new Set(running));
    // The one before was nobody's command.
    expect((await acts()).length).toBe(78);
    await expectInvariants(yard.database);
    await Promise.all(claimed.map(({ lease }) => yard.tasks.freeSlot(lease, { gpuMs: 1 })));
    await expectAllDone(yard.database);
  });

  it('are canceled and retried while they are claimed and settled, and each is counted once', async () => {
    const { yard, userId, many } = await field('in-between', 20);
    const ids = await many(150);
    const working = (async () => {
      for (let n = 0; n < 12; n++) {
        const claimed = await yard.tasks.claim({ workerId: yard.workerId, limit: 20 });
        await Promise.all(claimed.map((one) => finish(yard.tasks, failure(one, { retryAfterMs: 0 }))));
      }
    })();
    const canceled = await yard.tasks.cancelAll(pagesOf(ids.toReversed(), 25), userId);
    const retried = await yard.tasks.retryAll(pagesOf(ids, 25), userId);
    await working;
    const events = await yard.sql<{ type: string; count: number }>(
      `SELECT type, count(*)::int FROM task_event WHERE task_id = ANY ($1) AND type IN ('CANCELED', 'RETRIED')
       GROUP BY type ORDER BY type`,
      [ids],
    );
    expect(events).toEqual([
      { type: 'CANCELED', count: canceled },
      { type: 'RETRIED', count: retried },
    ]);
    await expectInvariants(yard.database);
    await drain(yard);
    await expectAllDone(yard.database);
  });
});

describe('a task that is retried with another input', () => {
  it('runs with that, in the queue of its model; the log has the former one, and who changed it', async () => {
    const { yard, userId, submit, acts, failAll } = await field('poisoned');
    await yard.addNode({ models: ['remedy'] });
    const taskId = await submit({ idempotencyKey: 'k', input: { prompt: 'a fox', count: 3 } });
    await failAll();
    const other = await yard.addUser();
    const edit = { model: 'remedy', input: { prompt: 'a hare', count: 1 }, artifactIds: [] };
    await yard.tasks.retry(taskId, { by: other, edit });
    await expectInvariants(yard.database);
    expect(await yard.task(taskId)).toMatchObject({
      status: 'QUEUED',
      model: 'remedy',
      cost: expect.any(Number),
    });
    const { lease, input, model } = await claimOne(yard);
    expect({ input, model, attempt: lease.attempt }).toEqual({
      ...{ input: { prompt: 'a hare', count: 1 }, model: 'remedy', attempt: 2 },
    });
    await yard.tasks.freeSlot(lease, { gpuMs: 1 });
    await yard.tasks.cancel(taskId, userId);
    await yard.tasks.retry(taskId, { by: userId });
    expect(await acts()).toEqual([
      {
        ...{ taskId, version: 4, type: 'RETRIED', userId: other },
        input: { prompt: 'a fox', count: 3 },
        model: 'poisoned',
      },
      { ...{ taskId, version: 6, type: 'CANCELED', userId }, input: null, model: null },
      { ...{ taskId, version: 7, type: 'RETRIED', userId }, input: null, model: null },
    ]);
    // The same submission is still this task.
    const again = submission(userId, {
      model: 'poisoned',
      idempotencyKey: 'k',
      input: { prompt: 'a fox', count: 3 },
    });
    expect(await yard.tasks.submit(again, 'VIP')).toMatchObject({ taskId, existing: true });
    await drain(yard);
    const attempts = await yard.database.prisma.taskAttempt.findMany({
      where: { taskId },
      orderBy: { number: 'asc' },
    });
    expect(attempts.map(({ outcome }) => outcome)).toEqual(['FAILED', 'CANCELED', 'SUCCEEDED']);
    await expectAllDone(yard.database);
  });

  it('stays as it was where it cannot be retried, or its new model does not exist', async () => {
    const { yard, submit, failAll } = await field('unmoved');
    const taskId = await submit();
    const edit = { model: null, input: { prompt: 'a hare', count: 1 }, artifactIds: [] };
    await expect(yard.tasks.retry(taskId, { edit })).rejects.toThrow('it is QUEUED');
    await failAll();
    await expect(yard.tasks.retry(taskId, { edit: { ...edit, model: 'nowhere' } })).rejects.toThrow(
      NoSuchModelError,
    );
    expect(await yard.database.prisma.taskData.findUnique({ where: { taskId } })).toMatchObject({
      input: { prompt: 'a fox', count: 1 },
    });
    await yard.tasks.retry(taskId, { edit });
    expect((await drain(yard)).map(({ input, model }) => ({ input, model }))).toEqual([
      { input: edit.input, model: 'unmoved' },
    ]);
  });
});

describe('a task with a start time', () => {
  it('that is canceled and retried before it waits for it again, and is released once', async () => {
    const { yard, userId, submit } = await field('later');
    const startAt = soon();
    const [one, two] = [await submit({ startAt }), await submit({ startAt })];
    expect(await yard.tasks.cancel(one)).toEqual({ outcome: 'REMOVED_FROM_QUEUE' });
    await yard.tasks.cancel(two);
    await yard.tasks.retry(one);
    expect(await yard.tasks.retryAll(pagesOf([one, two]), userId)).toBe(1);
    expect(await statuses(yard, [one, two])).toEqual(['SCHEDULED', 'SCHEDULED']);
    expect(await yard.task(one)).toMatchObject({ startAt, jobId: null, version: 3 });
    await expectInvariants(yard.database);
    await yard.sql("UPDATE task SET start_at = now() - interval '1 ms' WHERE id = ANY ($1)", [[one, two]]);
    // Another process, which knows of nothing that was before.
    const other = await yard.another();
    expect(await other.tasks.releaseDue()).toBe(2);
    expect((await drain(yard)).length).toBe(2);
    await expectAllDone(yard.database);
  });

  it('fails at its deadline, though its start time has not come', async () => {
    const { yard, submit } = await field('too-late');
    const taskId = await submit({ startAt: soon(), deadline: new Date(Date.now() + 4_000_000) });
    await yard.sql("UPDATE task SET deadline = now() - interval '1 second' WHERE id = $1", [taskId]);
    expect(await yard.tasks.failOverdue()).toBe(1);
    expect(await statuses(yard, [taskId])).toEqual(['FAILED']);
    await expect(yard.tasks.retry(taskId)).rejects.toThrow('deadline');
    await expectAllDone(yard.database);
  });
});
