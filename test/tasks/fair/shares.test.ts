import { expect, test } from 'vitest';
import type { TaskPriority, Tier } from '../../../src/database/index.ts';
import { kindOf } from '../../../src/kinds/index.ts';
import { REBASE_SECONDS } from '../../../src/tasks/fair/tags.ts';
import type { Claimed } from '../../../src/tasks/index.ts';
import { expectAllDone } from '../../support/invariants.ts';
import { claimOne, drain, failure, finish, submission, success, useYard } from '../../support/yard.ts';

const open = useYard();

const { cost, secondsPerUnit } = kindOf('TEXT_TO_IMAGE');

/** What a share is charged with for one of these tasks, before any was measured. */
const EXPECTED_SECONDS = cost(submission('').input) * secondsPerUnit;

interface Line {
  readonly model: string;
  user(tier?: Tier): Promise<User>;
  /** Serves so many, and tells whose they were. */
  serve(count: number, seconds?: (userId: string) => number): Promise<string[]>;
  /** Serves what is left. */
  clear(): Promise<Claimed[]>;
}

interface User {
  readonly id: string;
  submit(count?: number, priority?: TaskPriority): Promise<string[]>;
}

/** One model on one slot. */
async function openLine(model: string): Promise<Line> {
  const yard = open();
  const nodeId = await yard.addNode({ models: [model] });
  return {
    model,
    async user(tier = 'FREE') {
      const id = await yard.addUser(tier);
      return {
        id,
        async submit(count = 1, priority = 'NORMAL') {
          const one = () => yard.tasks.submit(submission(id, { model, priority }), tier);
          const sent = await Promise.all(Array.from({ length: count }, one));
          return sent.map(({ taskId }) => taskId);
        },
      };
    },
    async serve(count, seconds = () => EXPECTED_SECONDS) {
      const served: string[] = [];
      for (let n = 0; n < count; n++) {
        const claimed = await claimOne(yard);
        served.push(claimed.userId);
        await finish(yard.tasks, { ...success(claimed), gpuMs: seconds(claimed.userId) * 1_000 });
      }
      return served;
    },
    async clear() {
      await yard.nodes.update(nodeId, { slots: 50 });
      return drain(yard);
    },
  };
}

const count = (served: readonly string[], { id }: User): number => served.filter((one) => one === id).length;

test('single tasks of others are next, behind a burst of one user', async () => {
  const line = await openLine('burst');
  const [a, b, c, d] = [await line.user(), await line.user(), await line.user(), await line.user()];
  await a.submit(60);
  expect(await line.serve(3)).toEqual([a.id, a.id, a.id]);
  for (const user of [b, c, d]) await user.submit();
  const next = await line.serve(4);
  for (const user of [b, c, d]) expect(next).toContain(user.id);
  await line.clear();
  await expectAllDone(open().database);
});

test('users get what their tiers weigh, and who was away saves nothing up', async () => {
  const line = await openLine('weights');
  const [free, pro, vip] = [await line.user('FREE'), await line.user('PRO'), await line.user('VIP')];
  await Promise.all([free, pro, vip].map((user) => user.submit(30)));
  const served = await line.serve(22);
  expect([free, pro, vip].map((user) => count(served, user))).toEqual([2, 4, 16]);
  const late = await line.user('FREE');
  await late.submit(8);
  const after = await line.serve(11);
  expect(Math.abs(count(after, late) - count(after, free))).toBeLessThanOrEqual(1);
  await line.clear();
});

test('what is canceled is not held against its user', async () => {
  const yard = open();
  const line = await openLine('canceled');
  const [a, b] = [await line.user(), await line.user()];
  for (const id of await a.submit(30)) await yard.tasks.cancel(id);
  await yard.tasks.close();
  await a.submit();
  await b.submit(10);
  expect(count(await line.serve(2), a)).toBe(1);
  await line.clear();
});

test('a task that is tried again keeps its place, and one that is retried goes behind', async () => {
  const yard = open();
  const line = await openLine('again');
  const user = await line.user();
  const [first = '', ...rest] = await user.submit(3);
  const claimed = await claimOne(yard);
  expect(claimed.lease.taskId).toBe(first);
  await finish(yard.tasks, failure(claimed, { retryAfterMs: 0 }));
  const again = await claimOne(yard);
  expect(again.lease.taskId).toBe(first);
  await finish(yard.tasks, failure(again, { retryable: false }));
  await yard.tasks.retry(first);
  expect((await line.clear()).map(({ lease }) => lease.taskId)).toEqual([...rest, first]);
});

test('a higher priority comes before its user’s own tasks, which wait that much longer', async () => {
  const yard = open();
  const line = await openLine('own priorities');
  const [a, b] = [await line.user('PRO'), await line.user('PRO')];
  await a.submit(20);
  const [high] = await a.submit(1, 'HIGH');
  expect((await claimAndFinish()).lease.taskId).toBe(high);
  const { priority, finish: end } = await share('NORMAL');
  expect(priority).toBe('NORMAL');
  expect(end).toBeCloseTo((21 * EXPECTED_SECONDS) / 2, 3);
  await b.submit(20);
  const served = await line.serve(10);
  expect(count(served, a)).toBe(5);
  await line.clear();

  async function claimAndFinish(): Promise<Claimed> {
    const claimed = await claimOne(yard);
    await finish(yard.tasks, { ...success(claimed), gpuMs: EXPECTED_SECONDS * 1_000 });
    return claimed;
  }
  async function share(of: TaskPriority) {
    return yard.database.prisma.fairShare.findFirstOrThrow({ where: { userId: a.id, priority: of } });
  }
});

test('a task that is scheduled is charged when it is queued, and not before', async () => {
  const yard = open();
  const line = await openLine('scheduled');
  const user = await line.user();
  const startAt = new Date(Date.now() + 60_000);
  const { taskId } = await yard.tasks.submit(submission(user.id, { model: line.model, startAt }), 'FREE');
  const shares = () => yard.database.prisma.fairShare.findMany({ where: { userId: user.id } });
  expect(await shares()).toEqual([]);
  await yard.sql(`UPDATE task SET start_at = now() - interval '1 ms' WHERE id = $1`, [taskId]);
  await yard.tasks.releaseDue();
  expect((await shares()).map(({ finish: end }) => end)).toEqual([expect.closeTo(EXPECTED_SECONDS, 6)]);
  await line.clear();
});

test('users take turns in measured seconds, however wrong the expectations were', async () => {
  const yard = open();
  const line = await openLine('measured');
  const [slow, fast] = [await line.user(), await line.user()];
  await Promise.all([slow.submit(30), fast.submit(30)]);
  const served: string[] = [];
  for (let n = 0; n < 22; n++) {
    served.push(...(await line.serve(1, (id) => EXPECTED_SECONDS * (id === slow.id ? 10 : 1))));
    // As though two seconds had passed: a correction that is due is made with the next task.
    await yard.sql(`UPDATE fair_share SET placed_at = now() - interval '3 seconds' WHERE user_id = $1`, [
      slow.id,
    ]);
    await expect.poll(() => astray(slow.id), { interval: 10 }).toBeLessThan(20 * EXPECTED_SECONDS);
  }
  expect(count(served, fast) / count(served, slow)).toBeGreaterThan(5);
  await line.clear();

  async function astray(userId: string): Promise<number> {
    const { drift } = await yard.database.prisma.fairShare.findFirstOrThrow({ where: { userId } });
    return Math.abs(drift);
  }
});

test('tasks whose model was never measured keep apart when they are placed anew, however small they are', async () => {
  const yard = open();
  const line = await openLine('tiny');
  const [burst, single] = [await yard.addUser('FREE'), await yard.addUser('FREE')];
  const input = { prompt: 'tiny', width: 16, height: 16, count: 1 };
  const submit = (userId: string) =>
    yard.tasks.submit(submission(userId, { model: line.model, input }), 'FREE');
  for (let n = 0; n < 20; n++) await submit(burst);
  await yard.sql(`UPDATE fair_share SET placed_at = now() - interval '3 seconds' WHERE user_id = $1`, [
    burst,
  ]);
  await line.serve(1, () => 10);
  await yard.tasks.close();
  await submit(single);
  expect(await line.serve(2, () => 0.4)).toContain(single);
  await line.clear();
});

test('a scale that has come far is put back, and nobody’s place changes', async () => {
  const yard = open();
  const line = await openLine('far');
  const [a, b] = [await line.user(), await line.user()];
  await a.submit();
  await line.serve(1);
  const { queueId } = await yard.database.prisma.fairShare.findFirstOrThrow({ where: { userId: a.id } });
  await yard.sql('UPDATE fair_clock SET now = $2 WHERE queue_id = $1', [queueId, REBASE_SECONDS + 5.25]);
  await a.submit(3);
  await b.submit(3);
  const order = () =>
    yard.sql<{ id: string; priority: number }>(
      `SELECT id, priority FROM pgboss.job_common WHERE state < 'active' ORDER BY priority DESC, created_on`,
    );
  const before = await order();
  expect(await yard.tasks.rebase()).toBe(1);
  const after = await order();
  expect(after.map(({ id }) => id)).toEqual(before.map(({ id }) => id));
  for (const { priority } of after) expect(priority).toBeGreaterThan(900_000_000);
  const { now } = await yard.database.prisma.fairClock.findFirstOrThrow({ where: { queueId } });
  expect(now).toBeLessThan(1);
  expect(count(await line.serve(2), a)).toBe(1);
  expect(await yard.tasks.rebase()).toBe(0);
  await line.clear();
});

test('the share of whoever was away for long is forgotten, and of nobody who has something waiting', async () => {
  const yard = open();
  const line = await openLine('idle');
  const [away, waiting] = [await line.user(), await line.user()];
  await away.submit();
  await line.serve(1);
  await waiting.submit(3);
  await line.serve(2);
  const shares = () =>
    yard.database.prisma.fairShare.findMany({ where: { userId: { in: [away.id, waiting.id] } } });
  await yard.sql(
    `UPDATE fair_share SET used_at = now() - interval '2 hours', placed_at = now() - interval '2 hours'`,
  );
  await yard.tasks.forgetShares();
  expect((await shares()).map(({ userId }) => userId)).toEqual([waiting.id]);
  await line.clear();
});

test('users of several models take turns at a node that has them all', async () => {
  const yard = open();
  const nodeId = await yard.addNode({ models: ['turn x', 'turn y'] });
  const [a, b] = [await yard.addUser('FREE'), await yard.addUser('FREE')];
  const submit = (userId: string, model: string) => yard.tasks.submit(submission(userId, { model }), 'FREE');
  for (let n = 0; n < 20; n++) await submit(a, 'turn x');
  for (let n = 0; n < 5; n++) await submit(b, 'turn y');
  const served: string[] = [];
  for (let n = 0; n < 8; n++) {
    const claimed = await claimOne(yard);
    served.push(claimed.userId);
    await finish(yard.tasks, { ...success(claimed), gpuMs: EXPECTED_SECONDS * 1_000 });
  }
  expect(served.filter((userId) => userId === b).length).toBe(4);
  await yard.nodes.update(nodeId, { slots: 50 });
  await drain(yard);
});

test('whoever comes and goes while others are placed anew is next, were they charged too much or too little', async () => {
  const yard = open();
  for (const factor of [0.05, 20]) {
    const line = await openLine(`newcomer ${factor}`);
    const [a, b, c] = [await line.user(), await line.user(), await line.user()];
    const serve = (tasks: number) => line.serve(tasks, () => EXPECTED_SECONDS * factor);
    const share = () => yard.database.prisma.fairShare.findFirstOrThrow({ where: { userId: a.id } });
    const setPlaced = (when: string) =>
      yard.sql(`UPDATE fair_share SET placed_at = ${when} WHERE user_id = $1`, [a.id]);
    await a.submit(40);
    // Not before it is asked for.
    await setPlaced(`now() + interval '1 hour'`);
    await serve(8);
    await b.submit();
    expect(await serve(1)).toEqual([b.id]);
    await c.submit();
    await setPlaced(`now() - interval '3 seconds'`);
    const { placedAt: before } = await share();
    expect((await serve(2)).toSorted()).toEqual([a.id, c.id].toSorted());
    await expect.poll(async () => (await share()).placedAt > before).toBe(true);
    await yard.tasks.close();
    await setPlaced(`now() + interval '1 hour'`);
    await b.submit(4);
    const served = await serve(6);
    expect(Math.abs(count(served, b) - count(served, a))).toBeLessThanOrEqual(2);
    await line.clear();
  }
});
