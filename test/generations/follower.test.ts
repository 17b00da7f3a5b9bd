import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { follow } from '../../src/generations/follower.ts';
import { lockGeneration } from '../../src/generations/store.ts';
import { submissionOf } from '../../src/generations/submissions.ts';
import { decodeId, encodeId } from '../../src/ids.ts';
import type { Person } from '../http/support.ts';
import { testLog } from '../support/log.ts';
import { abandoned, openStudio, type Studio, taskIdOf } from './support.ts';

let studio: Studio;
let person: Person;

beforeAll(async () => {
  studio = await openStudio();
  person = await studio.api.person();
});
afterAll(() => studio[Symbol.asyncDispose]());

/** A pool whose answers to whoever reads that generation come late: what it reads by then is old. */
function slowPool(id: string) {
  const { pool } = studio.api.services.database;
  const [read, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const query = async (text: string, values?: unknown[]) => {
    const answer = await pool.query(text, values);
    if (JSON.stringify(values ?? []).includes(id)) {
      read.resolve();
      await release.promise;
    }
    return answer;
  };
  return { pool: Object.assign(Object.create(pool) as typeof pool, { query }), read, release };
}

/** What is still to be submitted for a generation, by somebody who has read it now and is slow. */
async function slowly(id: string): Promise<readonly (() => Promise<string>)[]> {
  const { database, tasks } = studio.api.services;
  const generation = await database.lanes.transact((tx) => lockGeneration(tx, id));
  if (!generation) throw new Error('there is no such generation');
  const given = { id, userId: person.user.id, tier: 'FREE', modelModel: null, format: 'GLB' } as const;
  return generation.parts.map((part) => async () => {
    const submitted = await tasks.submit(submissionOf(database, { ...generation, given }, part), 'FREE');
    return submitted.taskId;
  });
}

async function untilCanceled(taskId: string | undefined): Promise<void> {
  const { task } = studio.api.services.database.prisma;
  await vi.waitUntil(
    async () => (await task.findUnique({ where: { id: taskId ?? '' } }))?.status === 'CANCELED',
    { timeout: 10_000 },
  );
}

test('a cancel is answered with all that ran told canceled, and a task that is retried then stays', async () => {
  const { id } = await studio.create(person, { optimizePrompt: false, imageCount: 2 });
  const [one] = await studio.start();
  if (!one) throw new Error('nothing was claimed');
  expect(await studio.cancel(person, String(id))).toMatchObject({
    images: [{ status: 'CANCELED' }, { status: 'CANCELED' }],
  });
  expect(await studio.act(person, 'retryTask', taskIdOf(one))).toEqual({ __typename: 'Task' });
  const end = studio.follow();
  const rowId = decodeId('Generation', String(id)) ?? '';
  // By then it has looked at what the retry left behind.
  const { generation } = studio.api.services.database.prisma;
  await vi.waitUntil(
    async () => (await generation.count({ where: { id: rowId, followAt: { not: null } } })) === 0,
    {
      timeout: 10_000,
    },
  );
  await end();
  expect(await studio.start()).toMatchObject([{ lease: { taskId: one.lease.taskId } }]);
});

test('a task that changes while its generation is being read for the first time is not overheard', async () => {
  const { services } = studio.api;
  const id = await abandoned(studio, person, false);
  const { pool, read, release } = slowPool(id);
  const stopping = new AbortController();
  const database = { ...services.database, pool };
  const following = follow({ ...services, database, log: testLog }, stopping.signal);
  const [submit] = await slowly(id);
  await studio.cancel(person, encodeId('Generation', id));
  await read.promise;
  const taskId = await submit?.();
  release.resolve();
  await untilCanceled(taskId);
  stopping.abort();
  await following;
});

test('tasks that come late for a canceled generation are canceled, one after the other', async () => {
  const end = studio.follow();
  const id = await abandoned(studio, person, false);
  const [first, second, third] = await slowly(id);
  await first?.();
  await studio.cancel(person, encodeId('Generation', id));
  for (const submit of [second, third]) await untilCanceled(await submit?.());
  await end();
});
