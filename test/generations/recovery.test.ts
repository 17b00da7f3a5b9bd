import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { lockGeneration, postpone, wasTold } from '../../src/generations/store.ts';
import { submissionOf } from '../../src/generations/submissions.ts';
import { decodeId, encodeId, firstIdOf } from '../../src/ids.ts';
import { connect } from '../http/socket-client.ts';
import { subscribe } from '../http/streams.ts';
import type { Json, Person } from '../http/support.ts';
import { fewestStatements } from '../support/statements.ts';
import { abandoned, EVENTS, GENERATION, openStudio, type Studio } from './support.ts';

let studio: Studio;
let person: Person;
let ends: (() => Promise<void>)[];

beforeAll(async () => {
  studio = await openStudio();
  // As in two processes.
  ends = [studio.follow(), studio.follow()];
  person = await studio.api.person();
});

afterAll(() => studio[Symbol.asyncDispose]());

const rowId = (id: unknown): string => decodeId('Generation', String(id)) ?? '';

/** The tasks that were made for a generation, by kind. */
async function tasksOf({ api }: Studio, id: string): Promise<string[]> {
  const { rows } = await api.services.database.pool.query<{ kind: string }>(
    "SELECT t.kind FROM task t JOIN task_data d ON d.task_id = t.id WHERE d.labels->>'generation' = $1",
    [id],
  );
  return rows.map(({ kind }) => kind);
}

describe('what a killed process leaves', () => {
  test('is taken up after a while, and submitted once whoever else does so', async () => {
    for (const isRewritten of [true, false]) {
      const id = await abandoned(studio, person, isRewritten);
      const expected = isRewritten ? ['TEXT_GENERATION'] : Array.from({ length: 3 }, () => 'TEXT_TO_IMAGE');
      // Whoever wrote it may still be about to submit.
      expect(await tasksOf(studio, encodeId('Generation', id))).toEqual([]);
      await postpone(studio.api.services.database, id, 0);
      await vi.waitUntil(
        async () => (await tasksOf(studio, encodeId('Generation', id))).length === expected.length,
        { timeout: 10_000 },
      );
      await studio.cancel(person, encodeId('Generation', id));
      expect(await tasksOf(studio, encodeId('Generation', id))).toEqual(expected);
    }
  });

  test('is canceled after all where the kill came in the midst of a cancel', async () => {
    const { id } = await studio.create(person, { optimizePrompt: false, imageCount: 2 });
    const { pool } = studio.api.services.database;
    await pool.query(
      "UPDATE generation SET status = 'CANCELED', version = version + 1, follow_at = now() WHERE id = $1",
      [rowId(id)],
    );
    await pool.query(
      `INSERT INTO generation_event (generation_id, version, type, data)
       VALUES ($1, 2, 'GenerationUpdated', '{"status":"CANCELED","phase":"IMAGE_GENERATION","message":null}')`,
      [rowId(id)],
    );
    // Nobody was told of it: a task that changes draws the eye to it, unless the follower comes by before.
    await studio.start();
    await vi.waitUntil(
      async () => {
        const { images } = await studio.read(person, String(id));
        return [images?.[0], images?.[1]].every((image) => String(image?.task?.status) === 'CANCELED');
      },
      { timeout: 10_000 },
    );
  });
});

test('a task that comes late for a canceled generation is canceled, too', async () => {
  const { database, tasks } = studio.api.services;
  const id = await abandoned(studio, person, false);
  const given = { id, userId: person.user.id, tier: 'FREE', modelModel: null, format: 'GLB' } as const;
  const before = await database.lanes.transact((tx) => lockGeneration(tx, id));
  const [part] = before?.parts ?? [];
  if (!before || !part) throw new Error('there is no such part');
  await studio.cancel(person, encodeId('Generation', id));
  // By somebody who had read it before, and was slow.
  await tasks.submit(submissionOf(database, { ...before, given }, part), 'FREE');
  const { task } = database.prisma;
  await vi.waitUntil(
    async () => (await task.findUnique({ where: { id: part.taskId } }))?.status === 'CANCELED',
    { timeout: 10_000 },
  );
});

test('a generation fails whose images nobody can draw any more, and says so', async () => {
  await using lost = await openStudio();
  lost.follow();
  const somebody = await lost.api.person();
  const { id } = await lost.create(somebody);
  const [rewrite] = await lost.start();
  await lost.offer(['TEXT_GENERATION']);
  if (rewrite) await lost.succeed(rewrite);
  expect(await lost.until(somebody, String(id), { status: 'FAILED' })).toMatchObject({
    ...{ phase: 'IMAGE_GENERATION', images: [], finalPrompt: 'a mill, rewritten' },
  });
  const messages: unknown[] = [];
  const variables = { id, after: 2 };
  for await (const { data } of subscribe(lost.api, EVENTS, { as: somebody, variables })) {
    messages.push(data.generationEvents?.message);
  }
  expect(messages).toEqual(['no node offers text-to-image yet']);
  expect(await lost.cancel(somebody, String(id))).toMatchObject({ state: 'FAILED' });
  expect(await lost.act(somebody, 'deleteGeneration', String(id))).toEqual({ __typename: 'DeletePayload' });
});

test('without a node for it the prompt is used as it is, which the first event says', async () => {
  await using without = await openStudio(['TEXT_TO_IMAGE']);
  const somebody = await without.api.person();
  expect(await without.create(somebody, { imageCount: 2 })).toMatchObject({
    ...{ finalPrompt: 'a mill', images: [{ index: 0 }, { index: 1 }] },
    rewrite: { status: 'FAILED', message: 'no node offers text-generation yet', task: null },
  });
  const created = await without.create(somebody, { optimizePrompt: false, imageCount: 1 });
  expect(created).toMatchObject({ rewrite: null, finalPrompt: 'a mill' });
  const { data } = await without.api.send(
    `{ generations(first: 2) { edges { node { ${GENERATION} } } pageInfo { hasNextPage } } }`,
    { as: somebody },
  );
  const [newest, oldest] = Object.values(data.generations?.edges ?? {}).map(({ node }) => node);
  expect(newest).toMatchObject({ id: created.id });
  const variables = { id: oldest?.id, after: 0 };
  for await (const { data } of subscribe(without.api, EVENTS, { as: somebody, variables })) {
    expect(data.generationEvents).toMatchObject({
      message: 'the prompt is used as it was given: no node offers text-generation yet',
    });
    break;
  }
  // Nor is there one for models, which matters when an image is selected.
  without.follow();
  for (const claimed of await without.start()) await without.succeed(claimed);
  await without.until(somebody, String(created.id), { status: 'IMAGE_COMPLETED' });
  expect(await without.select(somebody, String(created.id), 0)).toMatchObject({ code: 'NO_SUCH_MODEL' });
  expect(await without.create(somebody, { imageModel: 'none' })).toMatchObject({ code: 'NO_SUCH_MODEL' });
  for (const prompt of ['', ' ']) {
    const { issues } = await without.create(somebody, { prompt, imageCount: 9 });
    expect(issues).toEqual([
      { path: 'prompt', message: 'must not be blank' },
      { path: 'imageCount', message: 'must be at most 8' },
    ]);
  }
});

test('limits refuse a generation whole, and let what was accepted wait', async () => {
  await using limited = await openStudio(undefined, { variables: { TIERS: '{"FREE":{"waiting":2}}' } });
  limited.follow();
  const somebody = await limited.api.person();
  const { generation, task } = limited.api.services.database.prisma;
  expect(await limited.create(somebody, { optimizePrompt: false, imageCount: 3 })).toMatchObject({
    code: 'QUOTA_EXCEEDED',
  });
  expect([await generation.count(), await task.count()]).toEqual([0, 0]);
  const { id } = await limited.create(somebody, { imageCount: 4 });
  const [rewrite] = await limited.start();
  if (rewrite) await limited.succeed(rewrite);
  // As long as none of them is started, not all of them may wait.
  const waits = 'it waits: your limit of waiting tasks, or of stored files, is reached';
  await vi.waitUntil(() => wasTold(limited.api.services.database, rowId(id), waits), { timeout: 10_000 });
  const claimed = new Set<string>();
  await vi.waitUntil(
    async () => {
      for (const one of await limited.start()) {
        claimed.add(one.lease.taskId);
        await limited.succeed(one);
      }
      return claimed.size === 4;
    },
    { timeout: 10_000 },
  );
  await limited.until(somebody, String(id), { status: 'IMAGE_COMPLETED' });
  await limited.cancel(somebody, String(id));
  const messages: unknown[] = [];
  for await (const { data } of subscribe(limited.api, EVENTS, {
    as: somebody,
    variables: { id, after: 2 },
  })) {
    if (data.generationEvents?.message != null) messages.push(data.generationEvents.message);
  }
  expect(messages).toEqual([waits]);
});

test('what has not changed for as long as tasks are kept is deleted with its tasks, and not sooner', async () => {
  const { database, generations, tasks } = studio.api.services;
  const { id } = await studio.create(person, { optimizePrompt: false, imageCount: 1 });
  for (const claimed of await studio.start()) await studio.succeed(claimed);
  await studio.until(person, String(id), { status: 'IMAGE_COMPLETED' });
  const long = new Date(Date.now() - 31 * 24 * 3600 * 1000);
  const oldId = firstIdOf(long);
  await database.pool.query('UPDATE generation SET id = $2 WHERE id = $1', [rowId(id), oldId]);
  await database.pool.query(
    `UPDATE task SET finished_at = $2, id = $3
     WHERE id = (SELECT task_id FROM generation_task WHERE generation_id = $1)`,
    [oldId, long, firstIdOf(new Date(long.getTime() + 1))],
  );
  await database.pool.query('UPDATE generation_task SET task_id = $2 WHERE generation_id = $1', [
    oldId,
    firstIdOf(new Date(long.getTime() + 1)),
  ]);
  // Its task lives as long as it does.
  await tasks.applyRetention();
  expect(await generations.applyRetention()).toBe(0);
  const old = encodeId('Generation', oldId);
  expect((await studio.read(person, old)).images).toHaveLength(1);
  await database.pool.query('UPDATE generation SET updated_at = $2 WHERE id = $1', [oldId, long]);
  expect(await generations.applyRetention()).toBe(1);
  expect(await studio.read(person, old)).toBeNull();
});

test('a subscriber hears how far the model is, without a version, and goes on where it was', async () => {
  const { id } = await studio.create(person, { optimizePrompt: false, imageCount: 1 });
  for (const claimed of await studio.start()) await studio.succeed(claimed);
  await studio.until(person, String(id), { status: 'IMAGE_COMPLETED' });
  await studio.select(person, String(id), 0);
  const socket = await connect(studio.api, { as: person });
  const seen: Json[] = [];
  const next = async (operation: string): Promise<Json> => {
    const { type, payload } = await socket.nextOf(operation);
    if (type !== 'next' || !payload?.data?.generationEvents) return { end: type } as unknown as Json;
    seen.push(payload.data.generationEvents);
    return payload.data.generationEvents;
  };
  const until = async (operation: string, name: string): Promise<Json> => {
    for (let event = await next(operation); ; event = await next(operation)) {
      if (String(event.__typename) === name) return event;
    }
  };
  socket.subscribe('a', EVENTS, { variables: { id, after: 0 } });
  const [model] = await studio.start();
  if (!model) throw new Error('no model waits');
  const generating = await until('a', 'ModelGenerating');
  studio.api.services.tasks.reportProgress(model.lease, 0.25);
  expect(await until('a', 'ModelProgress')).toMatchObject({ progress: 0.25, version: generating.version });
  socket.send({ id: 'a', type: 'complete' });
  await studio.succeed(model);
  socket.subscribe('b', EVENTS, { variables: { id, after: generating.version } });
  for (let event = await next('b'); event.end === undefined; ) event = await next('b');
  const versions = seen.filter(({ __typename }) => String(__typename) !== 'ModelProgress');
  expect(versions.map(({ version }) => version)).toEqual(versions.map((_, n) => n + 1));
  expect(seen.at(-1)).toMatchObject({ status: 'COMPLETED', phase: 'COMPLETED' });
  socket.socket.close();
});

test('a page takes the same number of statements for one generation and for twenty', async () => {
  const many = await studio.api.person('USER', 'VIP');
  const one = await studio.api.person('USER', 'VIP');
  const create = (as: Person) => studio.create(as, { optimizePrompt: false, imageCount: 2 });
  await create(one);
  await Promise.all(Array.from({ length: 20 }, () => create(many)));
  const all = await studio.start();
  await Promise.all(all.map((claimed) => studio.succeed(claimed)));
  const settled = (): Promise<number> =>
    studio.api.services.database.prisma.generation.count({
      where: { userId: { in: [one.user.id, many.user.id] }, status: 'IMAGE_COMPLETED' },
    });
  await vi.waitUntil(async () => (await settled()) === 21, { timeout: 10_000 });
  // Whoever follows them sends statements, too.
  await Promise.all(ends.map((end) => end()));
  const query = `{ generations(first: 20) { edges { node { ${GENERATION} } } } }`;
  const measure = (as: Person): Promise<number> =>
    fewestStatements(async () => {
      const { errors } = await studio.api.send(query, { as });
      expect(errors).toEqual([]);
    });
  expect(await measure(many)).toBe(await measure(one));
});
