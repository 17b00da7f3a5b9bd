import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { defaultTiers } from '../../src/accounts/index.ts';
import type { TasksConfig } from '../../src/tasks/index.ts';
import { expectAllDone } from '../support/invariants.ts';
import { keepCompiled } from '../support/process.ts';
import { finish, openYard, submission, success, type Yard } from '../support/yard.ts';
import type { Race } from './racing-worker.ts';

const PER_USER = 2;
const PER_MODEL = 3;
const PER_KIND = 6;
const PER_WORKER = 4;
const TASKS = 1_000;
const WORKERS = 4;

const tiers = { ...defaultTiers, FREE: { ...defaultTiers.FREE, concurrency: PER_USER } };
const config: TasksConfig = {
  ...{ queueCapacity: 100_000, routingStrategy: 'least-loaded', taskRetentionDays: 30 },
  // Nobody renews here.
  leaseMs: 120_000,
  concurrencyLimits: { kinds: { TEXT_TO_IMAGE: PER_KIND }, models: { narrow: PER_MODEL } },
};

let yard: Yard;
beforeAll(async () => {
  yard = await openYard({ tiers, config });
});
afterAll(() => yard[Symbol.asyncDispose]());

/** The most attempts that ever ran at once, by what each is counted under. */
const selectMost = (of: string): string => `
  WITH step AS (
    SELECT ${of} AS what, at, change FROM task_attempt a JOIN task t ON t.id = a.task_id
    JOIN user_account u ON u.id = t.user_id,
    LATERAL (VALUES (a.started_at, 1), (a.ended_at, -1)) AS s (at, change)
  )
  SELECT what, max(running)::int AS most FROM (
    SELECT what, sum(change) OVER (PARTITION BY what ORDER BY at, change) AS running FROM step
  ) r GROUP BY what`;

/** Resolves when it has joined; it waits for a message to begin. */
async function startWorker(
  race: Race,
  workers: AsyncDisposableStack,
): Promise<{ child: ChildProcess; exited: Promise<unknown> }> {
  const file = path.join(import.meta.dirname, 'racing-worker.ts');
  const child = fork(file, [JSON.stringify(race)], {
    execArgv: ['--disable-warning=ExperimentalWarning', ...keepCompiled],
  });
  const exited = once(child, 'exit').then(([code]) => code);
  workers.defer(async () => {
    if (child.exitCode === null) child.kill('SIGKILL');
    await exited;
  });
  await Promise.race([once(child, 'message'), exited]);
  return { child, exited };
}

test('in a thousand races of four worker processes, no user, model, kind or worker has more at once than its limit', {
  timeout: 120_000,
}, async () => {
  const { sql, tasks } = yard;
  for (const models of [['narrow', 'wide'], ['narrow'], ['wide']]) await yard.addNode({ models, slots: 8 });
  const users = await Promise.all(Array.from({ length: 8 }, () => yard.addUser('FREE')));
  users.push(await yard.addUser('VIP'));
  const submit = (n: number, startAt: Date | null = null) => {
    const userId = users[n % users.length] ?? '';
    return tasks.submit(submission(userId, { model: n % 3 === 0 ? 'narrow' : 'wide', startAt }), 'VIP');
  };
  await Promise.all(Array.from({ length: TASKS }, (_, n) => submit(n)));
  // As long as it is there, the race goes on.
  const { taskId: last } = await submit(0, new Date(Date.now() + 3_600_000));
  const race: Race = { url: yard.database.url, most: PER_WORKER, tiers, config };
  await using workers = new AsyncDisposableStack();
  const racing = await Promise.all(Array.from({ length: WORKERS }, () => startWorker(race, workers)));
  for (const worker of racing) worker.child.send('go');
  const raced = async () => (await sql('SELECT DISTINCT worker_id FROM task_attempt')).length;
  // One that stands still at the start must not miss it.
  while ((await raced()) < WORKERS) await submit(1);
  await tasks.cancel(last);
  expect(await Promise.all(racing.map(({ exited }) => exited))).toEqual(racing.map(() => 0));

  const most = async (of: string) => sql<{ what: string; most: number }>(selectMost(of));
  const perUser = await most(`CASE WHEN u.tier = 'FREE' THEN u.id::text ELSE 'VIP' END`);
  const limited = perUser.filter(({ what }) => what !== 'VIP');
  expect(limited.length).toBe(8);
  for (const row of limited) expect(row.most).toBeLessThanOrEqual(PER_USER);
  const perModel = new Map((await most('t.model')).map((row) => [row.what, row.most]));
  expect(perModel.get('narrow')).toBeLessThanOrEqual(PER_MODEL);
  expect((await most('t.kind')).map((row) => row.most)).toEqual([PER_KIND]);
  const perWorker = await most('a.worker_id');
  expect(perWorker).toHaveLength(WORKERS);
  for (const row of perWorker) expect(row.most).toBeLessThanOrEqual(PER_WORKER);
  await expectAllDone(yard.database);
});

test('tasks of a user who has all that he may run hide nobody behind them', async () => {
  const [greedy, other] = [await yard.addUser('FREE'), await yard.addUser('FREE')];
  await yard.addNode({ models: ['hidden'], slots: 8 });
  const submit = (userId: string) => yard.tasks.submit(submission(userId, { model: 'hidden' }), 'VIP');
  // More than a claim looks at.
  await Promise.all(Array.from({ length: 100 }, () => submit(greedy)));
  const { taskId } = await submit(other);
  await yard.sql('UPDATE pgboss.job_common SET priority = priority - 100000 WHERE data->>$1 = $2', [
    'taskId',
    taskId,
  ]);
  const claim = () => yard.tasks.claim({ workerId: yard.workerId, limit: 100 });
  const first = await claim();
  expect(first.map(({ userId }) => userId)).toEqual([greedy, greedy]);
  const [second, ...none] = await claim();
  expect([second?.lease.taskId, none]).toEqual([taskId, []]);
  if (second) await finish(yard.tasks, success(second));
  expect(await claim()).toEqual([]);
  for (const one of first) await finish(yard.tasks, success(one));
  expect((await claim()).length).toBe(PER_USER);
});
