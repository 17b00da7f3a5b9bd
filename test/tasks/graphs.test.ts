import { describe, expect, test, vi } from 'vitest';
import { mergeTiers } from '../../src/accounts/index.ts';
import {
  IdempotencyConflictError,
  InvalidInputError,
  InvalidStateError,
  NoSuchModelError,
  QueueFullError,
  QuotaExceededError,
  RateLimitedError,
} from '../../src/errors.ts';
import { newIdAfter } from '../../src/ids.ts';
import { expectInvariants } from '../support/invariants.ts';
import { openYard, submission, useYard, type Yard } from '../support/yard.ts';
import { graph, runAll, runOnce, statuses } from './graph-support.ts';

const open = useYard();

async function prepared(model: string): Promise<{ yard: Yard; userId: string }> {
  const yard = open();
  await yard.addNode({ models: [model], slots: 8 });
  return { yard, userId: await yard.addUser() };
}

const typesOf = async ({ sql }: Yard, id: string): Promise<string[]> => {
  const rows = await sql<{ type: string; status: string }>(
    'SELECT type, status FROM task_event WHERE task_id = $1 ORDER BY version',
    [id],
  );
  return rows.map(({ type, status }) => `${type} ${status}`);
};

async function errorOf({ sql }: Yard, id: string): Promise<{ code: string; message: string } | null> {
  const [row] = await sql<{ error: { code: string; message: string } | null }>(
    'SELECT error FROM task_data WHERE task_id = $1',
    [id],
  );
  return row?.error ?? null;
}

describe('a graph', () => {
  test('runs in the order in which its tasks depend on each other', async () => {
    const { yard, userId } = await prepared('diamond');
    const { ids, ...batch } = graph(userId, [[], [0], [0], [1, 2]], { model: 'diamond' });
    await yard.tasks.submitBatch(batch, 'VIP');
    expect(await statuses(yard, ids)).toEqual(['QUEUED', 'BLOCKED', 'BLOCKED', 'BLOCKED']);
    expect(await runOnce(yard)).toEqual([ids[0]]);
    expect(await statuses(yard, ids)).toEqual(['SUCCEEDED', 'QUEUED', 'QUEUED', 'BLOCKED']);
    expect((await runOnce(yard)).toSorted()).toEqual([ids[1], ids[2]]);
    expect(await runOnce(yard)).toEqual([ids[3]]);
    expect(await typesOf(yard, ids[3] ?? '')).toEqual([
      'SUBMITTED BLOCKED',
      'RELEASED QUEUED',
      'STARTED RUNNING',
      'SUCCEEDED SUCCEEDED',
    ]);
    await expectInvariants(yard.database);
  });

  test('falls below a task that fails, and says which', async () => {
    const { yard, userId } = await prepared('falls');
    const { ids, ...batch } = graph(userId, [[], [0], [1], []], { model: 'falls' });
    await yard.tasks.submitBatch(batch, 'VIP');
    await runAll(yard, new Set([ids[0] ?? '']));
    expect(await statuses(yard, ids)).toEqual(['FAILED', 'FAILED', 'FAILED', 'SUCCEEDED']);
    expect(await errorOf(yard, ids[2] ?? '')).toMatchObject({
      code: 'DEPENDENCY_FAILED',
      message: expect.stringMatching(/^it depends on task_\w+, which failed/),
    });
    expect(await typesOf(yard, ids[2] ?? '')).toEqual(['SUBMITTED BLOCKED', 'FAILED FAILED']);
    await expectInvariants(yard.database);
  });

  test('falls below a task that is canceled, while the canceled one keeps its state', async () => {
    const { yard, userId } = await prepared('cancels');
    const { ids, ...batch } = graph(userId, [[], [0], [1], [0]], { model: 'cancels' });
    await yard.tasks.submitBatch(batch, 'VIP');
    expect(await yard.tasks.cancel(ids[1] ?? '')).toEqual({ outcome: 'REMOVED_FROM_QUEUE' });
    expect(await statuses(yard, ids)).toEqual(['QUEUED', 'CANCELED', 'FAILED', 'BLOCKED']);
    await runAll(yard);
    expect(await statuses(yard, ids)).toEqual(['SUCCEEDED', 'CANCELED', 'FAILED', 'SUCCEEDED']);
    await expectInvariants(yard.database);
  });

  test('waits for a start time after its parents, and fails at a deadline before them', async () => {
    const { yard, userId } = await prepared('times');
    const startAt = new Date(Date.now() + 3_600_000);
    const deadline = new Date(Date.now() + 3_600_000);
    const { ids, ...batch } = graph(userId, [[], [0], [], [2], [3]], {
      model: 'times',
      changes: { 1: { startAt }, 2: { startAt }, 3: { deadline } },
    });
    await yard.tasks.submitBatch(batch, 'VIP');
    await runAll(yard);
    expect(await statuses(yard, ids)).toEqual(['SUCCEEDED', 'SCHEDULED', 'SCHEDULED', 'BLOCKED', 'BLOCKED']);
    expect(await typesOf(yard, ids[1] ?? '')).toEqual(['SUBMITTED BLOCKED', 'RELEASED SCHEDULED']);
    await yard.sql(`UPDATE task SET deadline = now() - interval '1 s' WHERE id = $1`, [ids[3]]);
    await yard.sql(`UPDATE task SET start_at = now() - interval '1 s' WHERE id = $1`, [ids[1]]);
    expect(await yard.tasks.failOverdue()).toBe(2);
    await yard.tasks.releaseDue();
    await runAll(yard);
    expect(await statuses(yard, ids)).toEqual(['SUCCEEDED', 'SUCCEEDED', 'SCHEDULED', 'FAILED', 'FAILED']);
    expect((await errorOf(yard, ids[3] ?? ''))?.code).toBe('DEADLINE_EXCEEDED');
    expect((await errorOf(yard, ids[4] ?? ''))?.code).toBe('DEPENDENCY_FAILED');
    await expectInvariants(yard.database);
    await yard.tasks.cancel(ids[2] ?? '');
  });
});

describe('a task that depends on earlier ones', () => {
  test('is queued at once where they have succeeded, and fails at once where one has not', async () => {
    const { yard, userId } = await prepared('earlier');
    const submit = (changes: object) =>
      yard.tasks.submit(submission(userId, { model: 'earlier', ...changes }), 'VIP');
    const [good, bad] = [await submit({}), await submit({})];
    await runAll(yard, new Set([bad.taskId]));
    const after = await submit({ dependsOn: [good.taskId] });
    const never = await submit({ dependsOn: [good.taskId, bad.taskId] });
    expect(await statuses(yard, [after.taskId, never.taskId])).toEqual(['QUEUED', 'FAILED']);
    expect(await typesOf(yard, never.taskId)).toEqual(['SUBMITTED BLOCKED', 'FAILED FAILED']);
    expect(after.written).toMatchObject({ status: 'QUEUED' });
    expect(never.written).toBeUndefined();
    await expectInvariants(yard.database);
    await runAll(yard);
  });

  test('has a higher id than they, even those that a clock ahead of ours made', () => {
    const ahead = 'ffffff00-0000-7000-8000-000000000000';
    const id = newIdAfter(['019ab000-0000-7000-8000-000000000000', ahead]);
    expect(id > ahead).toBe(true);
    expect(id).toMatch(/^ffffff00-0001-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  test('with an idempotency key is one task, however often it is submitted', async () => {
    const { yard, userId } = await prepared('keyed');
    const parent = await yard.tasks.submit(submission(userId, { model: 'keyed' }), 'VIP');
    const given = submission(userId, {
      model: 'keyed',
      dependsOn: [parent.taskId],
      idempotencyKey: 'once',
    });
    const all = await Promise.all(Array.from({ length: 5 }, () => yard.tasks.submit(given, 'VIP')));
    expect(new Set(all.map(({ taskId }) => taskId)).size).toBe(1);
    expect(all.filter(({ existing }) => !existing)).toHaveLength(1);
    await runAll(yard);
    await expectInvariants(yard.database);
  });

  test('keeps them beyond the time for which tasks are kept', async () => {
    const { yard, userId } = await prepared('old');
    const { ids, ...batch } = graph(userId, [[], []], { model: 'old' });
    await yard.tasks.submitBatch(batch, 'VIP');
    await runAll(yard);
    const parents = [newIdAfter([]), newIdAfter([])].map((id) => `01000000${id.slice(8)}`);
    for (const [n, id] of ids.entries()) {
      // As if they had been submitted long ago.
      await yard.sql('ALTER TABLE task DISABLE TRIGGER ALL');
      await yard.sql(`UPDATE task SET id = $2, finished_at = '2020-01-01' WHERE id = $1`, [id, parents[n]]);
      await yard.sql('ALTER TABLE task ENABLE TRIGGER ALL');
    }
    const startAt = new Date(Date.now() + 3_600_000);
    const given = submission(userId, { model: 'old', dependsOn: [parents[0] ?? ''], startAt });
    const child = await yard.tasks.submit(given, 'VIP');
    expect(await yard.tasks.applyRetention()).toBe(1);
    expect(await statuses(yard, [...parents, child.taskId])).toEqual(['SUCCEEDED', 'GONE', 'SCHEDULED']);
    await yard.tasks.cancel(child.taskId);
    expect(await yard.tasks.applyRetention()).toBe(1);
  });

  test('keeps them from being deleted until it is final', async () => {
    const { yard, userId } = await prepared('kept');
    const { ids, ...batch } = graph(userId, [[], [0], [1]], { model: 'kept' });
    await yard.tasks.submitBatch(batch, 'VIP');
    await runOnce(yard);
    const [first = '', second = '', third = ''] = ids;
    await expect(yard.tasks.remove(first)).rejects.toThrow(InvalidStateError);
    await yard.tasks.cancel(second);
    await yard.tasks.remove(first);
    await expect(yard.tasks.retry(second)).rejects.toThrow(/was deleted: submit it anew/);
    await expect(yard.tasks.retry(third)).rejects.toThrow(/was deleted: submit it anew/);
    await yard.tasks.remove(second);
    await yard.tasks.remove(third);
    expect(await yard.sql('SELECT FROM batch WHERE user_id = $1', [userId])).toEqual([]);
    await expectInvariants(yard.database);
  });
});

describe('a retry', () => {
  test('of the task that failed brings back what failed for it, and nothing that was canceled', async () => {
    const { yard, userId } = await prepared('again');
    const { ids, ...batch } = graph(userId, [[], [0], [1], [0], [3]], { model: 'again' });
    await yard.tasks.submitBatch(batch, 'VIP');
    await yard.tasks.cancel(ids[3] ?? '');
    await runAll(yard, new Set([ids[0] ?? '']));
    expect(await statuses(yard, ids)).toEqual(['FAILED', 'FAILED', 'FAILED', 'CANCELED', 'FAILED']);
    await yard.tasks.retry(ids[0] ?? '');
    expect(await statuses(yard, ids)).toEqual(['QUEUED', 'BLOCKED', 'BLOCKED', 'CANCELED', 'FAILED']);
    expect(await errorOf(yard, ids[1] ?? '')).toBeNull();
    await runAll(yard);
    expect(await statuses(yard, ids)).toEqual(['SUCCEEDED', 'SUCCEEDED', 'SUCCEEDED', 'CANCELED', 'FAILED']);
    await yard.tasks.retry(ids[4] ?? '');
    await runAll(yard);
    expect(new Set(await statuses(yard, ids))).toEqual(new Set(['SUCCEEDED']));
    await expectInvariants(yard.database);
  });

  test('of what failed for others tries them again, too', async () => {
    const { yard, userId } = await prepared('upwards');
    const { ids, ...batch } = graph(userId, [[], [], [0, 1], [2], [1]], { model: 'upwards' });
    await yard.tasks.submitBatch(batch, 'VIP');
    await runAll(yard, new Set([ids[0] ?? '', ids[1] ?? '']));
    await yard.tasks.retry(ids[3] ?? '');
    expect(await statuses(yard, ids)).toEqual(['QUEUED', 'QUEUED', 'BLOCKED', 'BLOCKED', 'BLOCKED']);
    await expect(yard.tasks.retry(ids[3] ?? '')).rejects.toThrow(/it is BLOCKED/);
    await runAll(yard);
    expect(new Set(await statuses(yard, ids))).toEqual(new Set(['SUCCEEDED']));
    await expectInvariants(yard.database);
  });

  test('of two parents at once brings back their child, whichever comes first', async () => {
    const { yard, userId } = await prepared('both');
    const other = await yard.another();
    for (let round = 0; round < 5; round++) {
      const { ids, ...batch } = graph(userId, [[], [], [0, 1], [2]], { model: 'both' });
      await yard.tasks.submitBatch(batch, 'VIP');
      await runAll(yard, new Set([ids[0] ?? '', ids[1] ?? '']));
      await Promise.all([yard.tasks.retry(ids[0] ?? ''), other.tasks.retry(ids[1] ?? '')]);
      expect(await statuses(yard, ids)).toEqual(['QUEUED', 'QUEUED', 'BLOCKED', 'BLOCKED']);
      await runAll(yard);
    }
    await expectInvariants(yard.database);
  });
});

describe('a batch', () => {
  test('with an idempotency key is one batch, in two processes at once as well', async () => {
    const { yard, userId } = await prepared('one-batch');
    const other = await yard.another();
    const made = await Promise.all(
      [yard, other, yard, other].map(async ({ tasks }) => {
        const { ids, ...batch } = graph(userId, [[], [0]], { model: 'one-batch', idempotencyKey: 'b' });
        return tasks.submitBatch(batch, 'VIP');
      }),
    );
    expect(new Set(made.map(({ batchId }) => batchId)).size).toBe(1);
    expect(made.filter(({ existing }) => !existing)).toHaveLength(1);
    const { ids, ...another } = graph(userId, [[]], { model: 'one-batch', idempotencyKey: 'b' });
    await expect(yard.tasks.submitBatch(another, 'VIP')).rejects.toThrow(IdempotencyConflictError);
    expect(await runAll(yard)).toHaveLength(2);
    await expectInvariants(yard.database);
  });

  test('of which one task names a model that there is not, or a parent that is gone, is not there at all', async () => {
    const { yard, userId } = await prepared('whole');
    const { ids, ...batch } = graph(userId, [[], []], {
      model: 'whole',
      changes: { 1: { model: 'nobody' } },
    });
    await expect(yard.tasks.submitBatch(batch, 'VIP')).rejects.toThrow(NoSuchModelError);
    const gone = newIdAfter([]);
    const orphan = graph(userId, [[], []], { model: 'whole', changes: { 1: { dependsOn: [gone] } } });
    await expect(yard.tasks.submitBatch(orphan, 'VIP')).rejects.toThrow(InvalidInputError);
    expect(await statuses(yard, [...ids, ...orphan.ids])).toEqual(['GONE', 'GONE', 'GONE', 'GONE']);
    expect(await yard.sql('SELECT FROM batch WHERE user_id = $1', [userId])).toEqual([]);
    await expectInvariants(yard.database);
  });

  test('is within every limit as a whole or is refused as a whole', async () => {
    await using yard = await openYard({
      tiers: mergeTiers({ FREE: { waiting: 4 }, PRO: { perSecond: 0.01, burst: 3 } }),
      config: { queueCapacity: 6 },
    });
    await yard.addNode();
    const [free, pro, vip] = [
      await yard.addUser('FREE'),
      await yard.addUser('PRO'),
      await yard.addUser('VIP'),
    ];
    const submit = (userId: string, size: number, tier: 'FREE' | 'PRO' | 'VIP') => {
      const { ids, ...batch } = graph(
        userId,
        Array.from({ length: size }, (_, n) => (n === 0 ? [] : [n - 1])),
      );
      return yard.tasks.submitBatch(batch, tier);
    };
    await expect(submit(free, 5, 'FREE')).rejects.toThrow(QuotaExceededError);
    // More than the bucket can ever hold: it has to be full, and is in debt then.
    await submit(pro, 2, 'PRO');
    await expect(submit(pro, 9, 'PRO')).rejects.toThrow(RateLimitedError);
    await expect(submit(vip, 5, 'VIP')).rejects.toThrow(QueueFullError);
    await submit(vip, 4, 'VIP');
    const [row] = await yard.sql<{ count: string }>('SELECT count(*) FROM task');
    expect(row?.count).toBe('6');
    await expectInvariants(yard.database);
  });
});

test('a batch goes with the last of its tasks, even if those are deleted at the same time', async () => {
  const { yard, userId } = await prepared('last');
  const { ids, ...batch } = graph(userId, [[], []], { model: 'last' });
  await yard.tasks.submitBatch(batch, 'VIP');
  await runAll(yard);
  const { pool } = yard.database;
  const [one, other] = [await pool.connect(), await pool.connect()];
  try {
    for (const client of [one, other]) await client.query('BEGIN');
    await one.query('DELETE FROM task WHERE id = $1', [ids[0]]);
    const deleting = other.query('DELETE FROM task WHERE id = $1', [ids[1]]);
    const waiting = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'DELETE FROM task %'
      AND datname = current_database()`;
    await vi.waitFor(async () => expect(await yard.sql(waiting)).toHaveLength(1), { timeout: 8_000 });
    await one.query('COMMIT');
    await deleting;
    await other.query('COMMIT');
  } finally {
    one.release();
    other.release();
  }
  expect(await yard.sql('SELECT id FROM batch WHERE user_id = $1', [userId])).toEqual([]);
});
