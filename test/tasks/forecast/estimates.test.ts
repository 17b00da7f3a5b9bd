import { expect, test } from 'vitest';
import { defaultTiers } from '../../../src/accounts/index.ts';
import type { Estimate } from '../../../src/tasks/index.ts';
import { claimOne, failure, finish, openYard, submission, success, type Yard } from '../../support/yard.ts';

const kind = 'TEXT_TO_IMAGE';

/** Runs of that node took so many seconds. */
function measure(yard: Yard, nodeId: string, seconds: readonly number[], model = 'fox'): Promise<unknown[]> {
  return yard.sql(
    'INSERT INTO run_estimate (node_id, kind, model, samples, recent) VALUES ($1, $2, $3, $4, $5)',
    [...[nodeId, kind, model, seconds.length], seconds.map((one) => one / COST)],
  );
}

/** Units of work of a picture of the default size. */
const COST = (1024 * 1024 * 20) / 1_000_000;

async function estimate(yard: Yard, taskId: string): Promise<Estimate | null> {
  const position = (await yard.tasks.queuePositions([taskId])).get(taskId) ?? null;
  return (await yard.tasks.estimates([{ taskId, position }])).get(taskId) ?? null;
}

const reason = async (yard: Yard, taskId: string) =>
  (await yard.tasks.waitingReasons([taskId])).get(taskId) ?? null;
const secondsFrom = (date: Date | null | undefined, from: Date): number =>
  Math.round(((date?.getTime() ?? Number.NaN) - from.getTime()) / 1_000);

test('waiting and running tasks tell when they start and end, from the moment that enough was measured', async () => {
  await using yard = await openYard();
  const nodeId = await yard.addNode();
  const userId = await yard.addUser();
  const submit = async () => (await yard.tasks.submit(submission(userId), 'VIP')).taskId;
  await measure(yard, nodeId, [100, 100, 100, 140]);
  const running = await submit();
  await claimOne(yard);
  const waiting = [await submit(), await submit()];
  const { startedAt } = await yard.task(running);
  expect(await estimate(yard, running)).toEqual({
    ...{ startAt: startedAt, startAtP90: startedAt, completionAt: null, completionAtP90: null },
  });
  expect(await estimate(yard, waiting[0] ?? '')).toBeNull();

  await yard.sql('UPDATE run_estimate SET samples = 5, recent = recent || recent[1]');
  const begun = startedAt ?? new Date();
  await expect.poll(() => estimate(yard, waiting[0] ?? '')).not.toBeNull();
  const [own, first, second] = await Promise.all([running, ...waiting].map((id) => estimate(yard, id)));
  const seconds = [own, first, second].map((one) => [
    ...[secondsFrom(one?.startAt, begun), secondsFrom(one?.completionAt, begun)],
  ]);
  expect(seconds).toEqual(
    [
      // Planned while too little was measured.
      [0, 94],
      [94, 194],
      [202, 302],
    ].map((pair) => pair.map((s) => expect.closeTo(s, -1))),
  );
  for (const one of [own, first, second]) {
    expect(one?.startAtP90?.getTime()).toBeGreaterThanOrEqual(one?.startAt?.getTime() ?? Number.NaN);
    expect(one?.completionAtP90?.getTime()).toBeGreaterThan(one?.completionAt?.getTime() ?? Number.NaN);
  }
  const expected = await yard.tasks.expectedWaits(userId);
  expect(expected({ kind, model: 'fox' })).toBeCloseTo(300, -2);
  const fresh = await yard.tasks.expectedWaits(await yard.addUser());
  expect(fresh({ kind, model: 'fox' })).toBeLessThanOrEqual(expected({ kind, model: 'fox' }) ?? 0);
  expect(expected({ kind, model: 'unheard of' })).toBeNull();

  await yard.sql("UPDATE task SET progress = 0.75 WHERE status = 'RUNNING'");
  const sooner = await estimate(yard, running);
  expect(secondsFrom(sooner?.completionAt, new Date())).toBeLessThanOrEqual(30);
  await yard.sql('UPDATE gpu_node SET healthy = false');
  await expect.poll(() => estimate(yard, waiting[1] ?? '')).toBeNull();
  expect(await reason(yard, waiting[1] ?? '')).toBe('NO_HEALTHY_NODE');
  expect((await yard.tasks.expectedWaits(userId))({ kind, model: 'fox' })).toBeNull();
});

test('a submission is estimated by what it would be, and nothing is submitted', async () => {
  await using yard = await openYard();
  const nodeId = await yard.addNode();
  await measure(yard, nodeId, [100, 100, 100, 100, 100]);
  const [many, single] = [await yard.addUser(), await yard.addUser()];
  const now = new Date();
  const free = await yard.tasks.estimateSubmission(submission(single, { model: null }), 'VIP');
  expect(secondsFrom(free?.startAt, now)).toBeCloseTo(0, -1);
  expect(secondsFrom(free?.completionAt, free?.startAt ?? now)).toBe(100);
  for (let n = 0; n < 20; n++) await yard.tasks.submit(submission(many), 'VIP');
  await claimOne(yard);
  const wait = async (userId: string, changes = {}) =>
    secondsFrom(
      (await yard.tasks.estimateSubmission(submission(userId, changes), 'VIP'))?.startAt,
      new Date(),
    );
  await expect.poll(() => wait(many)).toBeGreaterThan(1_900);
  // By fair turns: behind the task that runs, and one more at most.
  expect(await wait(single)).toBeLessThanOrEqual(200);
  expect(await wait(many, { priority: 'URGENT' })).toBeLessThanOrEqual(100);
  expect(await wait(single, { startAt: new Date(Date.now() + 1_000_000) })).toBeGreaterThan(990);
  await expect(yard.tasks.estimateSubmission(submission(single, { model: 'foxx' }), 'VIP')).rejects.toThrow(
    '"foxx"',
  );
  expect(await yard.sql('SELECT count(*)::int FROM task')).toEqual([{ count: 20 }]);
  expect(await yard.sql('SELECT user_id FROM fair_share')).toEqual([{ user_id: many }]);
});

test('every reason to wait is told', async () => {
  await using yard = await openYard({
    tiers: { ...defaultTiers, FREE: { ...defaultTiers.FREE, concurrency: 1 } },
    config: { routingStrategy: 'earliest-completion', concurrencyLimits: { kinds: {}, models: { dear: 1 } } },
  });
  const [ann, bob] = [await yard.addUser('VIP'), await yard.addUser('VIP')];
  const limited = await yard.addUser('FREE');
  const submit = async (userId: string, model: string, changes = {}) =>
    (await yard.tasks.submit(submission(userId, { model, ...changes }), userId === limited ? 'FREE' : 'VIP'))
      .taskId;
  await yard.addNode({ models: ['one'] });
  const aboutToStart = await submit(ann, 'one');
  expect(await reason(yard, aboutToStart)).toBeNull();
  const claimed = await claimOne(yard);
  const next = await submit(ann, 'one');
  const later = await submit(ann, 'one', { startAt: new Date(Date.now() + 1e6) });
  await expect.poll(() => reason(yard, next)).toBe('ALL_SLOTS_BUSY');
  expect(await reason(yard, later)).toBe('SCHEDULED');

  const line = [await submit(ann, 'one'), await submit(ann, 'one'), await submit(bob, 'one')];
  await expect.poll(() => reason(yard, line[1] ?? '')).toBe('FAIR_SHARE');
  expect(await reason(yard, line[2] ?? '')).toBe('ALL_SLOTS_BUSY');

  await finish(yard.tasks, failure(claimed, { retryAfterMs: 60_000 }));
  expect(await reason(yard, aboutToStart)).toBe('RETRY_BACKOFF');
  expect((await estimate(yard, aboutToStart))?.startAt?.getTime() ?? Date.now() + 60_000).toBeGreaterThan(
    Date.now() + 50_000,
  );

  await yard.addNode({ models: ['dear'], slots: 2 });
  await submit(bob, 'dear');
  await drainBut(yard, 'dear');
  const overLimit = await submit(bob, 'dear');
  await expect.poll(() => reason(yard, overLimit)).toBe('CONCURRENCY_LIMIT');

  await yard.addNode({ models: ['free'], slots: 2 });
  await submit(limited, 'free');
  await drainBut(yard, 'free');
  const overShare = await submit(limited, 'free');
  await expect.poll(() => reason(yard, overShare)).toBe('CONCURRENCY_LIMIT');
  expect(await estimate(yard, overShare)).toBeNull();

  const [holds, other] = [await yard.addNode({ models: ['a'] }), await yard.addNode({ models: ['a', 'b'] })];
  await measure(yard, holds, [10, 10, 10, 10, 10], 'a');
  await measure(yard, other, [10, 10, 10, 10, 10], 'a');
  await yard.sql(`UPDATE gpu_node SET loaded_models = CASE WHEN id = $1 THEN '["b"]'::jsonb END`, [other]);
  await submit(ann, 'a');
  await drainBut(yard, 'a');
  const waits = await submit(ann, 'a');
  await expect.poll(() => reason(yard, waits)).toBe('MODEL_LOADING');

  const nobody = await yard.addNode({ models: ['none'] });
  await yard.sql('UPDATE gpu_node SET healthy = false WHERE id = $1', [nobody]);
  const lost = await submit(ann, 'none');
  await expect.poll(() => reason(yard, lost)).toBe('NO_HEALTHY_NODE');
});

/** Claims all that can start, and ends it, but for what asked for that model. */
async function drainBut(yard: Yard, model: string): Promise<void> {
  for (;;) {
    const claimed = await yard.tasks.claim({ workerId: yard.workerId, limit: 100 });
    const others = claimed.filter((one) => one.model !== model);
    if (others.length === 0) return;
    await Promise.all(others.map((one) => finish(yard.tasks, success(one))));
  }
}

test('without a worker nothing is promised', async () => {
  await using yard = await openYard();
  await yard.addNode();
  await yard.tasks.leave(yard.workerId);
  const { taskId } = await yard.tasks.submit(submission(await yard.addUser()), 'VIP');
  expect(await estimate(yard, taskId)).toBeNull();
  expect(await reason(yard, taskId)).toBe('ALL_SLOTS_BUSY');
});
