import { expect, test } from 'vitest';
import { backoffSeconds, judge } from '../../src/tasks/verdict.ts';
import { expectAllDone, expectInvariants } from '../support/invariants.ts';
import { claimOne, failure, finish, submission, success, useYard, type Yard } from '../support/yard.ts';

const open = useYard();

/** Lets the next try of a task be due then. */
async function setDue(yard: Yard, taskId: string, when: string): Promise<void> {
  await yard.sql(
    `UPDATE pgboss.job_common SET start_after = ${when} WHERE id = (SELECT job_id FROM task WHERE id = $1)`,
    [taskId],
  );
}

/** Seconds from the end of a task's attempt until its next try is due. */
async function backoffOf(yard: Yard, taskId: string): Promise<number | undefined> {
  const [row] = await yard.sql<{ seconds: number }>(
    `SELECT extract(epoch FROM j.start_after - a.ended_at)::float8 AS seconds
     FROM task t JOIN task_attempt a ON a.task_id = t.id AND a.number = t.attempt JOIN pgboss.job_common j ON j.id = t.job_id
     WHERE t.id = $1`,
    [taskId],
  );
  return row?.seconds;
}

const errorOf = async ({ database }: Yard, taskId: string): Promise<unknown> =>
  (await database.prisma.taskData.findUniqueOrThrow({ where: { taskId } })).error;

test('a failed attempt is tried again after a back-off, keeps its place, and fails for good after the last', async () => {
  const yard = open();
  await yard.addNode({ models: ['retry'] });
  const userId = await yard.addUser();
  const { taskId } = await yard.tasks.submit(submission(userId, { model: 'retry', maxAttempts: 2 }), 'VIP');
  const { jobId } = await yard.task(taskId);

  const first = await claimOne(yard);
  expect(await finish(yard.tasks, failure(first))).toBe('settled');
  expect(await yard.task(taskId)).toMatchObject({
    status: 'QUEUED',
    version: 3,
    attempt: 1,
    jobId,
    gpuMs: 100n,
  });
  expect(await errorOf(yard, taskId)).toMatchObject({ code: 'NODE_ERROR', retryable: true, attempt: 1 });
  await expectInvariants(yard.database);
  const backoff = await backoffOf(yard, taskId);
  expect(backoff).toBeGreaterThanOrEqual(0.5);
  expect(backoff).toBeLessThanOrEqual(1.5);
  await setDue(yard, taskId, `now() + interval '1 hour'`);
  expect(await yard.tasks.claim({ workerId: yard.workerId, limit: 1 })).toEqual([]);

  await setDue(yard, taskId, 'now()');
  const second = await claimOne(yard);
  expect(second.lease).toMatchObject({ attempt: 2, job: { id: jobId, retryCount: 1 } });
  expect(await yard.tasks.settle(failure(first))).toBe('stale');
  expect(await finish(yard.tasks, failure(second, { message: 'again' }))).toBe('settled');
  expect(await yard.task(taskId)).toMatchObject({ status: 'FAILED', version: 5, attempt: 2, gpuMs: 200n });
  expect(await errorOf(yard, taskId)).toMatchObject({ message: 'again', attempt: 2 });
  const attempts = await yard.database.prisma.taskAttempt.findMany({ where: { taskId } });
  expect(attempts.map(({ outcome, gpuMs }) => [outcome, gpuMs])).toEqual([
    ['FAILED', 100],
    ['FAILED', 100],
  ]);
  await expectAllDone(yard.database);
});

test('a failure that another try would not mend is final at once', async () => {
  const yard = open();
  await yard.addNode({ models: ['refused'] });
  const { taskId } = await yard.tasks.submit(submission(await yard.addUser(), { model: 'refused' }), 'VIP');
  await finish(yard.tasks, failure(await claimOne(yard), { code: 'NODE_REJECTED', retryable: false }));
  expect(await yard.task(taskId)).toMatchObject({ status: 'FAILED', attempt: 1 });
  await expectAllDone(yard.database);
});

test('an attempt that is handed back costs no try, however often, and numbers grow all the same', async () => {
  const yard = open();
  await yard.addNode({ models: ['busy'] });
  const { taskId } = await yard.tasks.submit(
    submission(await yard.addUser(), { model: 'busy', maxAttempts: 1 }),
    'VIP',
  );
  for (let attempt = 1; attempt <= 4; attempt++) {
    const claimed = await claimOne(yard);
    expect(claimed.lease.attempt).toBe(attempt);
    await finish(yard.tasks, failure(claimed, { spendsAttempt: false, retryAfterMs: 0 }));
    expect(await yard.task(taskId)).toMatchObject({ status: 'QUEUED', attempt });
  }
  await finish(yard.tasks, failure(await claimOne(yard)));
  expect(await yard.task(taskId)).toMatchObject({ status: 'FAILED', attempt: 5, attemptBase: 4 });
  await expectAllDone(yard.database);
});

test('a success after a failure leaves no error on the task, and all of it on the attempt', async () => {
  const yard = open();
  await yard.addNode({ models: ['mended'] });
  const { taskId } = await yard.tasks.submit(submission(await yard.addUser(), { model: 'mended' }), 'VIP');
  await finish(yard.tasks, failure(await claimOne(yard), { retryAfterMs: 0 }));
  await finish(yard.tasks, success(await claimOne(yard)));
  expect(await errorOf(yard, taskId)).toBeNull();
  const attempts = await yard.database.prisma.taskAttempt.findMany({
    where: { taskId },
    orderBy: { number: 'asc' },
  });
  expect(attempts.map(({ outcome, error }) => [outcome, error])).toEqual([
    ['FAILED', expect.objectContaining({ code: 'NODE_ERROR' })],
    ['SUCCEEDED', null],
  ]);
});

test('a task whose deadline comes before its next try fails at once, and says why', async () => {
  const yard = open();
  await yard.addNode({ models: ['hurried'] });
  const deadline = new Date(Date.now() + 20_000);
  const { taskId } = await yard.tasks.submit(
    submission(await yard.addUser(), { model: 'hurried', deadline }),
    'VIP',
  );
  await finish(yard.tasks, failure(await claimOne(yard), { retryAfterMs: 30_000 }));
  expect(await yard.task(taskId)).toMatchObject({ status: 'FAILED', attempt: 1 });
  expect(await errorOf(yard, taskId)).toMatchObject({
    code: 'DEADLINE_EXCEEDED',
    message: expect.stringContaining('out of memory'),
  });
  const attempt = await yard.database.prisma.taskAttempt.findFirstOrThrow({ where: { taskId } });
  expect(attempt).toMatchObject({ outcome: 'FAILED', error: { code: 'NODE_ERROR' } });
  await expectAllDone(yard.database);
});

test('what an attempt made belongs to its task, and what a stale one made does not', async () => {
  const yard = open();
  await yard.addNode({ models: ['files'] });
  const userId = await yard.addUser();
  const artifact = (storageKey: string) =>
    yard.database.prisma.artifact.create({
      data: { id: crypto.randomUUID(), userId, storageKey, mimeType: 'image/png', sizeBytes: 1, sha256: 'a' },
    });
  const { taskId } = await yard.tasks.submit(submission(userId, { model: 'files' }), 'VIP');
  const claimed = await claimOne(yard);
  const [made, stale] = [await artifact('made'), await artifact('stale')];
  const settlement = (artifactId: string) => ({
    ...success(claimed),
    end: { type: 'succeeded' as const, result: { images: [artifactId] }, artifactIds: [artifactId] },
  });
  await finish(yard.tasks, settlement(made.id));
  expect(await yard.tasks.settle(settlement(stale.id))).toBe('stale');
  const links = await yard.database.prisma.taskArtifact.findMany({ where: { taskId } });
  expect(links).toEqual([{ taskId, artifactId: made.id, isOutput: true }]);
});

test('attempts of several queues and ends are settled together, each as it should be', async () => {
  const yard = open();
  const models = ['mixed-a', 'mixed-b', 'mixed-c'];
  await yard.addNode({ models, slots: 30 });
  const userId = await yard.addUser();
  await Promise.all(
    Array.from({ length: 30 }, (_, n) =>
      yard.tasks.submit(submission(userId, { model: models[n % 3] ?? '', maxAttempts: 1 + (n % 2) }), 'VIP'),
    ),
  );
  const claimed = await yard.tasks.claim({ workerId: yard.workerId, limit: 100 });
  expect(claimed.length).toBe(30);
  const ends = await Promise.all(
    claimed.map((one, n) =>
      finish(yard.tasks, n % 5 === 0 ? failure(one, { retryAfterMs: 60_000 }) : success(one)),
    ),
  );
  expect(new Set(ends)).toEqual(new Set(['settled']));
  await expectInvariants(yard.database);
  const left = await yard.sql<{ id: string }>(`SELECT id FROM task WHERE status = 'QUEUED'`);
  await Promise.all(left.map(({ id }) => yard.tasks.cancel(id)));
  await expectAllDone(yard.database);
});

test('the back-off doubles, with jitter, up to a minute', () => {
  expect([1, 2, 3].map((spent) => backoffSeconds(spent, () => 0.5))).toEqual([1, 2, 4]);
  expect(backoffSeconds(30, () => 0.5)).toBe(60);
  expect(backoffSeconds(1, () => 0)).toBe(0.5);
  expect(backoffSeconds(1, () => 0.999)).toBeCloseTo(1.5, 2);
});

test('a try that does not count is judged neither by their number nor by whether it could be repeated', () => {
  const error = { code: 'NODE_ERROR', message: 'full', retryable: false, attempt: 9 } as const;
  const handedBack = {
    type: 'failed',
    outcome: 'FAILED',
    error,
    spendsAttempt: false,
    retryAfterMs: 250,
  } as const;
  const tries = { taskId: 'x', spent: 9, maxAttempts: 1, secondsLeft: null, isSubmissionUnknown: false };
  expect(judge(handedBack, tries)).toEqual({ type: 'again', delaySeconds: 0.25 });
  expect(judge({ ...handedBack, spendsAttempt: true }, tries)).toEqual({ type: 'final', error });
});
