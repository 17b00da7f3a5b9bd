import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeId } from '../../src/ids.ts';
import { subscribe } from '../http/streams.ts';
import type { Json } from '../http/support.ts';
import { names, openStories, type Stories } from './stories.ts';
import { EVENTS, taskIdOf } from './support.ts';

let studio: Stories['studio'];
let person: Stories['person'];
let told: Stories['told'];
let telling: Stories['telling'];
let drawing: Stories['drawing'];
let awaiting: Stories['awaiting'];
let claimOne: Stories['claimOne'];

beforeAll(async () => {
  ({ studio, person, told, telling, drawing, awaiting, claimOne } = await openStories());
});
afterAll(() => studio[Symbol.asyncDispose]());

describe('a cancel', () => {
  const live = async (id: string): Promise<number> => {
    const { rows } = await studio.api.services.database.pool.query(
      `SELECT count(*)::int AS live FROM task t JOIN task_data d ON d.task_id = t.id
       WHERE d.labels->>'generation' = $1 AND t.status IN ('QUEUED', 'RUNNING')`,
      [id],
    );
    return rows[0].live;
  };

  async function expectCanceled(id: string, phase: string): Promise<void> {
    const canceled = { status: 'CANCELED', phase, completedAt: null };
    expect(await studio.cancel(person, id)).toMatchObject(canceled);
    expect(await live(id)).toBe(0);
    const before = await studio.read(person, id);
    expect(await studio.cancel(person, id)).toMatchObject({ ...canceled, version: before.version });
    expect(names(await told(id)).at(-1)).toBe('CANCELED');
    expect(await studio.start()).toEqual([]);
  }

  test('ends the rewriting', async () => {
    const { id } = await studio.create(person);
    await expectCanceled(String(id), 'IMAGE_GENERATION');
  });

  test('ends the rewriting that runs', async () => {
    const { id } = await studio.create(person);
    await claimOne();
    await expectCanceled(String(id), 'IMAGE_GENERATION');
  });

  test('ends images that wait, and such as are drawn', async () => {
    const { id } = await studio.create(person, { optimizePrompt: false });
    await expectCanceled(String(id), 'IMAGE_GENERATION');
    const drawn = await drawing(2);
    const [first] = drawn.claimed;
    if (first) await studio.succeed(first);
    await expectCanceled(drawn.id, 'IMAGE_GENERATION');
    const images = (await studio.read(person, drawn.id)).images;
    expect([images?.[0]?.status, images?.[1]?.status].toSorted()).toEqual(['CANCELED', 'COMPLETED']);
  });

  test('ends the wait for a selection', async () => {
    const { id } = await awaiting();
    await expectCanceled(id, 'AWAITING_SELECTION');
  });

  test('ends a model that waits, and one that is made', async () => {
    const { id } = await awaiting();
    await studio.select(person, id, 0);
    await expectCanceled(id, 'MODEL_GENERATION');
    const other = await awaiting();
    await studio.select(person, other.id, 0);
    await claimOne();
    await expectCanceled(other.id, 'MODEL_GENERATION');
  });

  test('is too late for one that is completed, or has failed', async () => {
    const { id } = await awaiting();
    await studio.select(person, id, 0);
    await studio.fail(await claimOne());
    await studio.until(person, id, { status: 'MODEL_FAILED' });
    expect(await studio.cancel(person, id)).toMatchObject({ state: 'MODEL_FAILED' });
    await studio.select(person, id, 0);
    await studio.succeed(await claimOne());
    await studio.until(person, id, { status: 'COMPLETED' });
    expect(await studio.cancel(person, id)).toMatchObject({
      __typename: 'InvalidStateError',
      state: 'COMPLETED',
    });
  });
});

describe('a deletion', () => {
  test('takes a generation with its tasks and files, and only when nothing is under way', async () => {
    const { id, failed } = await awaiting();
    const { artifact, task } = studio.api.services.database.prisma;
    const before = [await artifact.count(), await task.count()] as const;
    expect(await studio.act(person, 'deleteTask', taskIdOf(failed))).toMatchObject({
      __typename: 'InvalidStateError',
      message: expect.stringContaining('belongs to a generation'),
    });
    await studio.select(person, id, 0);
    expect(await studio.act(person, 'deleteGeneration', id)).toMatchObject({ code: 'INVALID_STATE' });
    await studio.cancel(person, id);
    const watching = await telling(id, 100);
    expect(await studio.act(person, 'deleteGeneration', id)).toEqual({ __typename: 'DeletePayload' });
    expect(await watching.told).toEqual([]);
    expect(await studio.read(person, id)).toBeNull();
    expect([await artifact.count(), await task.count()]).toEqual([before[0] - 1, before[1] - 2]);
    expect(await studio.act(person, 'deleteGeneration', id)).toMatchObject({ code: 'NOT_FOUND' });
  });

  test('waits for tasks of others that take up what it made', async () => {
    const { id } = await awaiting();
    const { images } = await studio.read(person, id);
    const drawn = Object.values(images ?? {}).find(({ status }) => String(status) === 'COMPLETED');
    await studio.cancel(person, id);
    const fromTask = { taskId: drawn?.task?.id };
    const { data } = await studio.api.send(
      'mutation ($input: SubmitTaskInput!) { submitTask(input: $input) { ... on Task { id } } }',
      { as: person, variables: { input: { task: { imageTo3d: { image: { fromTask } } } } } },
    );
    expect(await studio.act(person, 'deleteGeneration', id)).toMatchObject({
      __typename: 'InvalidStateError',
      message: expect.stringContaining('depend on'),
    });
    await studio.act(person, 'cancelTask', String(data.submitTask?.id));
    expect(await studio.act(person, 'deleteGeneration', id)).toEqual({ __typename: 'DeletePayload' });
  });
});

test('what is told while a generation is deleted says so, and is no failure of the server', async () => {
  const { id, claimed } = await drawing(8);
  for (const one of claimed) await studio.succeed(one);
  await studio.until(person, id, { status: 'IMAGE_COMPLETED' });
  await studio.cancel(person, id);
  let deletion: Promise<Json> | undefined;
  const read = async (): Promise<string[]> => {
    const codes: string[] = [];
    for await (const { errors } of subscribe(studio.api, EVENTS, {
      as: person,
      variables: { id, after: 0 },
    })) {
      // The rest of the log is on its way by then.
      deletion ??= studio.act(person, 'deleteGeneration', id);
      codes.push(...errors.map(({ extensions }) => String(extensions.code)));
    }
    return codes;
  };
  const codes = (await Promise.all(Array.from({ length: 10 }, read))).flat();
  expect(await deletion).toEqual({ __typename: 'DeletePayload' });
  expect(codes.filter((code) => code !== 'NOT_FOUND')).toEqual([]);
});

test('no progress of the model is told behind its end', async () => {
  const { generations, tasks, database } = studio.api.services;
  const { id } = await awaiting();
  await studio.select(person, id, 0);
  const { lease } = await claimOne();
  const { version } = await studio.until(person, id, { status: 'MODEL_GENERATING' });
  const rowId = decodeId('Generation', id) ?? '';
  const events = generations.events(rowId, Number(version) - 1);
  const progress = studio.api.services.feed.task(lease.taskId);
  tasks.reportProgress(lease, 0.5);
  while ((await progress.next()).value?.progress !== 0.5);
  // As a process leaves it that is killed before it tells of its commit.
  await database.pool.query(
    `WITH ended AS (
       UPDATE generation SET status = 'COMPLETED', phase = 'COMPLETED', version = version + 1 WHERE id = $1
       RETURNING id, version)
     INSERT INTO generation_event (generation_id, version, type, data)
     SELECT id, version, 'GenerationUpdated', '{"status":"COMPLETED","phase":"COMPLETED","message":null}' FROM ended`,
    [rowId],
  );
  expect((await Array.fromAsync(events)).map((event) => event.type)).toEqual([
    'ModelGenerating',
    'GenerationUpdated',
  ]);
  await progress.return?.();
});
