import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { defaultTiers } from '../../src/accounts/index.ts';
import {
  IdempotencyConflictError,
  InvalidInputError,
  NoSuchModelError,
  QueueFullError,
  QuotaExceededError,
  RateLimitedError,
} from '../../src/errors.ts';
import { newId } from '../../src/ids.ts';
import { expectAllDone, expectInvariants } from '../support/invariants.ts';
import { drain, submission, useYard } from '../support/yard.ts';

const open = useYard({
  tiers: {
    ...defaultTiers,
    FREE: { ...defaultTiers.FREE, waiting: 3, perSecond: null, burst: 1, maxPriority: 'NORMAL' },
    PRO: { ...defaultTiers.PRO, waiting: null, perSecond: 0.001, burst: 5, maxPriority: 'HIGH' },
  },
  config: { queueCapacity: 400 },
});

const reasons = (results: PromiseSettledResult<unknown>[]): unknown[] =>
  results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));

const values = <T>(results: PromiseSettledResult<T>[]): T[] =>
  results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));

const otherHash = createHash('sha256').update('other').digest();

test('three hundred submissions at once are all written, in groups, each with one job', async () => {
  const yard = open();
  await yard.addNode({ models: ['many'], slots: 100 });
  const userId = await yard.addUser();
  const sent = Array.from({ length: 300 }, () =>
    yard.tasks.submit(submission(userId, { model: 'many' }), 'VIP'),
  );
  const ids = new Set((await Promise.all(sent)).map(({ taskId }) => taskId));
  expect(ids.size).toBe(300);
  await expectInvariants(yard.database);
  expect(new Set((await drain(yard)).map(({ lease }) => lease.taskId))).toEqual(ids);
  await expectAllDone(yard.database);
});

test('a file that was deleted meanwhile is the caller’s to upload again, and nobody else’s fault', async () => {
  const yard = open();
  await yard.addNode({ models: ['gone-file'] });
  const userId = await yard.addUser();
  const submit = (artifactIds: string[]) =>
    yard.tasks.submit(submission(userId, { model: 'gone-file', artifactIds }), 'VIP');
  const results = await Promise.allSettled([submit([]), submit([newId()]), submit([])]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(reasons(results)).toEqual([expect.any(InvalidInputError)]);
  await drain(yard);
});

describe('an idempotency key', () => {
  test('used many times at once in several processes makes one task', async () => {
    const yard = open();
    await yard.addNode({ models: ['keys'] });
    const userId = await yard.addUser();
    const processes = [yard, await yard.another()];
    for (let round = 0; round < 5; round++) {
      const keys = ['a', 'b', 'c'].map((key) => `${key}${round}`);
      const sent = Array.from({ length: 24 }, (_, n) => {
        const idempotencyKey = keys[n % 3] ?? null;
        const process = processes[n % 2] ?? yard;
        return process.tasks.submit(submission(userId, { model: 'keys', idempotencyKey }), 'VIP');
      });
      const results = await Promise.all(sent);
      expect(new Set(results.map(({ taskId }) => taskId)).size).toBe(3);
      expect(results.filter(({ existing }) => !existing).length).toBe(3);
    }
    await drain(yard);
    await expectAllDone(yard.database);
  });

  test('with another input is a conflict that names the task', async () => {
    const yard = open();
    await yard.addNode({ models: ['keys'] });
    const userId = await yard.addUser();
    const first = submission(userId, { model: 'keys', idempotencyKey: 'one' });
    const { taskId } = await yard.tasks.submit(first, 'VIP');
    const other = yard.tasks.submit({ ...first, inputHash: otherHash }, 'VIP');
    await expect(other).rejects.toThrow(IdempotencyConflictError);
    await expect(other).rejects.toMatchObject({ taskId });
    const inOneGroup = await Promise.allSettled([
      yard.tasks.submit({ ...first, idempotencyKey: 'two' }, 'VIP'),
      yard.tasks.submit({ ...first, idempotencyKey: 'two', inputHash: otherHash }, 'VIP'),
    ]);
    expect(reasons(inOneGroup)).toEqual([expect.any(IdempotencyConflictError)]);
    await drain(yard);
  });

  test('of another user is another task', async () => {
    const yard = open();
    await yard.addNode({ models: ['keys'] });
    const submit = async () =>
      yard.tasks.submit(submission(await yard.addUser(), { model: 'keys', idempotencyKey: 'same' }), 'VIP');
    expect((await submit()).taskId).not.toBe((await submit()).taskId);
    await drain(yard);
  });

  test('answers with its task when the model is gone, whatever the limits', async () => {
    const yard = open();
    const nodeId = await yard.addNode({ models: ['gone'] });
    const userId = await yard.addUser('FREE');
    const keyed = submission(userId, { model: 'gone', idempotencyKey: 'mine' });
    const { taskId } = await yard.tasks.submit(keyed, 'FREE');
    for (let n = 0; n < 2; n++) await yard.tasks.submit(submission(userId, { model: 'gone' }), 'FREE');
    await expect(yard.tasks.submit(submission(userId, { model: 'gone' }), 'FREE')).rejects.toThrow(
      QuotaExceededError,
    );
    expect(await yard.tasks.submit(keyed, 'FREE')).toEqual({ taskId, existing: true });
    await drain(yard);
    await yard.nodes.remove(nodeId);
    expect(await yard.tasks.submit(keyed, 'FREE')).toEqual({ taskId, existing: true });
    await expect(yard.tasks.submit({ ...keyed, idempotencyKey: 'new' }, 'FREE')).rejects.toThrow(
      NoSuchModelError,
    );
  });
});

describe('limits', () => {
  test('a user who has as many tasks waiting as his tier allows is told the limit', async () => {
    const yard = open();
    await yard.addNode({ models: ['limited'] });
    const userId = await yard.addUser('FREE');
    const sent = Array.from({ length: 5 }, () =>
      yard.tasks.submit(submission(userId, { model: 'limited' }), 'FREE'),
    );
    const results = await Promise.allSettled(sent);
    expect(values(results).length).toBe(3);
    for (const reason of reasons(results)) {
      expect(reason).toBeInstanceOf(QuotaExceededError);
      expect(reason).toMatchObject({ limit: 3, message: expect.stringContaining('3 tasks') });
    }
    await drain(yard);
    await yard.tasks.submit(submission(userId, { model: 'limited' }), 'FREE');
    await drain(yard);
  });

  test('a full queue refuses, and says when to come again; scheduled tasks count', async () => {
    const yard = open();
    await yard.addNode({ models: ['narrow'], slots: 100 });
    const userId = await yard.addUser();
    const submit = (changes = {}) =>
      yard.tasks.submit(submission(userId, { model: 'narrow', ...changes }), 'VIP');
    const later = new Date(Date.now() + 3_600_000);
    const early = await Promise.all(Array.from({ length: 100 }, () => submit({ startAt: later })));
    await Promise.all(Array.from({ length: 300 }, () => submit()));
    const refused = submit();
    await expect(refused).rejects.toThrow(QueueFullError);
    await expect(refused).rejects.toMatchObject({ retryAfterMs: expect.any(Number) });
    await drain(yard);
    await Promise.all(early.map(({ taskId }) => yard.tasks.cancel(taskId)));
    await expectAllDone(yard.database);
  });

  test('the rate of a user holds over several processes', async () => {
    const yard = open();
    await yard.addNode({ models: ['rate'] });
    const userId = await yard.addUser('PRO');
    const processes = [yard, await yard.another()];
    const sent = Array.from({ length: 12 }, (_, n) =>
      (processes[n % 2] ?? yard).tasks.submit(submission(userId, { model: 'rate' }), 'PRO'),
    );
    const results = await Promise.allSettled(sent);
    expect(values(results).length).toBe(5);
    for (const reason of reasons(results)) {
      expect(reason).toBeInstanceOf(RateLimitedError);
      expect(reason).toHaveProperty('retryAfterMs', expect.any(Number));
    }
    await drain(yard);
  });

  test('a priority above the tier is lowered to it', async () => {
    const yard = open();
    await yard.addNode({ models: ['lowered'] });
    const userId = await yard.addUser('FREE');
    const { taskId } = await yard.tasks.submit(
      submission(userId, { model: 'lowered', priority: 'URGENT' }),
      'FREE',
    );
    expect(await yard.task(taskId)).toMatchObject({ priority: 'NORMAL' });
    await drain(yard);
  });
});

test('a model that no node offers is refused with the names that come nearest', async () => {
  const yard = open();
  await yard.addNode({ models: ['stable-diffusion-3'] });
  const userId = await yard.addUser();
  const wrong = yard.tasks.submit(submission(userId, { model: 'stable-difusion-3' }), 'VIP');
  await expect(wrong).rejects.toThrow(NoSuchModelError);
  const error = await wrong.catch((reason: NoSuchModelError) => reason);
  expect(error).toHaveProperty(['nearest', 0], 'stable-diffusion-3');
});

test('a submission that cannot be written fails alone, and its neighbours are written', async () => {
  const yard = open();
  await yard.addNode({ models: ['neighbours'], slots: 10 });
  const userId = await yard.addUser();
  const changes = Array.from({ length: 9 }, (_, n) => (n === 4 ? { artifactIds: [newId()] } : {}));
  const results = await Promise.allSettled(
    changes.map((change) => yard.tasks.submit(submission(userId, { model: 'neighbours', ...change }), 'VIP')),
  );
  expect(values(results).length).toBe(8);
  expect(results[4]?.status).toBe('rejected');
  expect((await drain(yard)).length).toBe(8);
  await expectAllDone(yard.database);
});

test('a start time in the future makes a scheduled task without a job, one in the past a queued task', async () => {
  const yard = open();
  await yard.addNode({ models: ['timed'] });
  const userId = await yard.addUser();
  const submit = (startAt: Date) => yard.tasks.submit(submission(userId, { model: 'timed', startAt }), 'VIP');
  const future = await submit(new Date(Date.now() + 60_000));
  const past = await submit(new Date(Date.now() - 60_000));
  expect(await yard.task(future.taskId)).toMatchObject({ status: 'SCHEDULED', jobId: null });
  expect(await yard.task(past.taskId)).toMatchObject({ status: 'QUEUED' });
  await expectInvariants(yard.database);
  await drain(yard);
  await yard.tasks.cancel(future.taskId);
});
