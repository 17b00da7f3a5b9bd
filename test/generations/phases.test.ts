import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeId } from '../../src/ids.ts';
import type { Json } from '../http/support.ts';
import { names, openStories, type Stories } from './stories.ts';
import { taskIdOf } from './support.ts';

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

test('a prompt is rewritten, drawn, selected and made into a model, and the log tells all of it', async () => {
  const created = await studio.create(person);
  expect(created).toMatchObject({
    ...{ __typename: 'Generation', prompt: 'a mill', finalPrompt: null, version: 1, images: [], model: null },
    ...{ status: 'IMAGE_PENDING', phase: 'IMAGE_GENERATION', rewrite: { status: 'PENDING', message: null } },
  });
  const id = String(created.id);
  await studio.succeed(await claimOne());
  await expect.poll(async () => (await studio.read(person, id)).images).toHaveLength(4);
  const images = await studio.start();
  expect(new Set(images.map(({ input }) => (input as Json).seed)).size).toBe(4);
  for (const one of images) {
    expect(one).toMatchObject({ kind: 'TEXT_TO_IMAGE', input: { prompt: 'a mill, rewritten', count: 1 } });
    await studio.succeed(one);
  }
  await studio.until(person, id, { status: 'IMAGE_COMPLETED' });
  expect(await studio.select(person, id, 2)).toMatchObject({
    ...{ status: 'MODEL_PENDING', phase: 'MODEL_GENERATION', selectedImageIndex: 2 },
    model: { status: 'PENDING', files: [], progress: null },
  });
  const model = await claimOne();
  await studio.until(person, id, { status: 'MODEL_GENERATING' });
  await studio.succeed(model);
  const now = await studio.until(person, id, { status: 'COMPLETED', phase: 'COMPLETED' });
  expect(now).toMatchObject({
    ...{ finalPrompt: 'a mill, rewritten', rewrite: { status: 'COMPLETED', message: null } },
    model: { status: 'COMPLETED', files: [{ mimeType: 'image/png' }] },
  });
  expect(Date.parse(String(now.completedAt))).toBeGreaterThan(Date.parse(String(now.createdAt)));

  const events = await told(id);
  expect(events.map(({ version }) => version)).toEqual(events.map((_, n) => n + 1));
  expect(now.version).toBe(events.length);
  const told_ = names(events);
  expect(told_.toSorted()).toEqual(
    [
      ...['IMAGE_PENDING', 'IMAGE_PENDING', 'IMAGE_GENERATING', 'IMAGE_COMPLETED', 'MODEL_PENDING'],
      ...[0, 1, 2, 3].flatMap((n) => [`ImageGenerating ${n}`, `ImageCompleted ${n}`]),
      ...['MODEL_GENERATING', 'ModelGenerating', 'ModelCompleted', 'MODEL_COMPLETED', 'COMPLETED'],
    ].toSorted(),
  );
  expect(events[1]).toMatchObject({ status: 'IMAGE_PENDING', message: 'the prompt was rewritten' });
  expect(await told(id, 7)).toEqual(
    events.slice(7).map((event) => ({ ...event, generation: expect.anything() })),
  );
});

describe('the rewriting', () => {
  test('falls back to the own prompt when it fails, and says so', async () => {
    const { id } = await studio.create(person, { imageCount: 1 });
    await studio.fail(await claimOne());
    await expect.poll(async () => (await studio.read(person, String(id))).images).toHaveLength(1);
    expect(await studio.read(person, String(id))).toMatchObject({
      finalPrompt: 'a mill',
      rewrite: { status: 'FAILED', message: 'no such thing', task: { status: 'FAILED' } },
    });
    expect(await claimOne()).toMatchObject({ input: { prompt: 'a mill' } });
    await studio.cancel(person, String(id));
    expect((await told(String(id)))[1]).toMatchObject({
      message: 'the prompt is used as it was given: no such thing',
    });
  });

  test('is left out when its task is canceled alone', async () => {
    const { id, rewrite } = await studio.create(person, { imageCount: 1 });
    await studio.act(person, 'cancelTask', String(rewrite?.task?.id));
    await expect.poll(async () => (await studio.read(person, String(id))).images).toHaveLength(1);
    expect(await studio.read(person, String(id))).toMatchObject({
      finalPrompt: 'a mill',
      rewrite: { status: 'CANCELED', message: 'the rewriting was canceled' },
    });
    await studio.cancel(person, String(id));
  });

  test('takes no longer than a minute: no attempt starts after half of it, and none lasts longer', async () => {
    const { id, rewrite } = await studio.create(person, { imageCount: 1 });
    const query = 'query ($id: ID!) { task(id: $id) { createdAt deadline maxAttempts labels } }';
    const { data } = await studio.api.send(query, { as: person, variables: { id: rewrite?.task?.id } });
    const { createdAt, deadline, labels } = data.task ?? {};
    expect(Date.parse(String(deadline)) - Date.parse(String(createdAt))).toBeLessThanOrEqual(30_500);
    expect(labels).toEqual({ generation: id });
    await studio.api.services.database.pool.query("UPDATE task SET deadline = now() - interval '1 ms'");
    await studio.api.services.tasks.failOverdue();
    await expect.poll(async () => (await studio.read(person, String(id))).images).toHaveLength(1);
    expect(await studio.read(person, String(id))).toMatchObject({ rewrite: { status: 'FAILED' } });
    await studio.cancel(person, String(id));
  });
});

describe('a failed image', () => {
  test('can be retried alone, and brings its generation back to where it belongs', async () => {
    const { id, failed } = await awaiting(2);
    expect(await studio.read(person, id)).toMatchObject({
      images: [{ status: 'COMPLETED' }, { status: 'FAILED', image: null, error: { code: 'NODE_REJECTED' } }],
    });
    expect(await studio.select(person, id, 1)).toMatchObject({
      ...{ __typename: 'InvalidStateError', state: 'IMAGE_COMPLETED' },
      message: 'only a completed image can be selected: image 1 is FAILED',
    });
    await studio.act(person, 'retryTask', taskIdOf(failed));
    await studio.until(person, id, { status: 'IMAGE_GENERATING', phase: 'IMAGE_GENERATION' });
    expect(await studio.select(person, id, 0)).toMatchObject({ state: 'IMAGE_GENERATING' });
    await studio.succeed(await claimOne());
    await studio.until(person, id, { status: 'IMAGE_COMPLETED', phase: 'AWAITING_SELECTION' });
    expect(await studio.select(person, id, 1)).toMatchObject({ status: 'MODEL_PENDING' });
    await studio.cancel(person, id);
    expect(names(await told(id)).filter((name) => name.endsWith('1'))).toEqual([
      'ImageGenerating 1',
      'ImageFailed 1',
      'ImageCompleted 1',
    ]);
  });

  test('ends a generation of which it is the only one, until it is retried', async () => {
    const { id, claimed } = await drawing(1);
    for (const one of claimed) await studio.fail(one);
    await studio.until(person, id, { status: 'IMAGE_FAILED', phase: 'IMAGE_GENERATION' });
    expect(names(await told(id)).at(-1)).toBe('IMAGE_FAILED');
    expect(await studio.cancel(person, id)).toMatchObject({ state: 'IMAGE_FAILED' });
    for (const one of claimed) await studio.act(person, 'retryTask', taskIdOf(one));
    await studio.until(person, id, { status: 'IMAGE_PENDING' });
    await studio.fail(await claimOne());
    await studio.until(person, id, { status: 'IMAGE_FAILED' });
    // Twice: somebody had asked for the second one.
    expect(names(await told(id)).filter((name) => name === 'ImageFailed 0')).toHaveLength(2);
  });

  test('that is retried is waited for by streams that come before anybody has looked at it', async () => {
    const { id, claimed } = await drawing(1);
    for (const one of claimed) await studio.fail(one);
    const { version } = await studio.until(person, id, { status: 'IMAGE_FAILED' });
    // What the retry of a task leaves behind.
    await studio.api.services.database.pool.query('UPDATE generation SET follow_at = now() WHERE id = $1', [
      decodeId('Generation', id),
    ]);
    const waiting = await telling(id, Number(version));
    for (const one of claimed) await studio.act(person, 'retryTask', taskIdOf(one));
    // What fails again before anybody has looked leaves its generation as it was.
    await studio.until(person, id, { status: 'IMAGE_PENDING' });
    await studio.fail(await claimOne());
    expect(names(await waiting.told).slice(-2)).toEqual(['ImageFailed 0', 'IMAGE_FAILED']);
  });

  test('that was retried when its generation was over stays out of it', async () => {
    const { id, claimed } = await drawing(1);
    await studio.cancel(person, id);
    for (const one of claimed) await studio.act(person, 'retryTask', taskIdOf(one));
    await studio.succeed(await claimOne());
    expect(await studio.read(person, id)).toMatchObject({
      status: 'CANCELED',
      images: [{ status: 'CANCELED', task: { status: 'SUCCEEDED' } }],
    });
  });
});

test('an image that somebody cancels alone is left out, which the log says', async () => {
  const { id, claimed } = await drawing(2);
  const [first, second] = claimed;
  if (!first || !second) throw new Error('too little was claimed');
  await studio.act(person, 'cancelTask', taskIdOf(second));
  await studio.succeed(first);
  const { images } = await studio.until(person, id, { status: 'IMAGE_COMPLETED' });
  expect([images?.[0]?.status, images?.[1]?.status].toSorted()).toEqual(['CANCELED', 'COMPLETED']);
  await studio.cancel(person, id);
  const messages = (await told(id)).map(({ message }) => message).filter((message) => message != null);
  expect(messages).toEqual([expect.stringMatching(/^image [01] was canceled$/)]);
});

describe('a selection', () => {
  test('is of a picture that there is, and of one that is completed', async () => {
    const { id, claimed } = await drawing(2);
    expect(await studio.select(person, id, 0)).toMatchObject({ __typename: 'InvalidStateError' });
    expect(await studio.select(person, id, 2)).toMatchObject({
      issues: [{ path: 'index', message: 'must be 0 to 1' }],
    });
    expect(await studio.select(person, id, -1)).toMatchObject({ __typename: 'InvalidInputError' });
    const [first] = claimed;
    if (first) await studio.succeed(first);
    // One of them is there: the other one has not ended.
    expect(await studio.select(person, id, 0)).toMatchObject({
      ...{ state: 'IMAGE_GENERATING', message: expect.stringContaining('when all have ended') },
    });
    await studio.cancel(person, id);
    expect(await studio.select(person, id, 0)).toMatchObject({ state: 'CANCELED' });
  });

  test('is made once, whoever else selects at the same time', async () => {
    const { id } = await awaiting(3);
    const answers = await Promise.all([0, 1, 0, 1, 0].map((index) => studio.select(person, id, index)));
    expect(answers.map(({ __typename }) => __typename).toSorted()).toEqual(
      ['Generation', ...Array.from({ length: 4 }, () => 'InvalidStateError')].toSorted(),
    );
    const model = await claimOne();
    expect(await studio.select(person, id, 0)).toMatchObject({
      ...{ __typename: 'InvalidStateError', message: expect.stringMatching(/^image [01] has been selected/) },
    });
    await studio.succeed(model);
    await studio.until(person, id, { status: 'COMPLETED' });
    expect(await studio.select(person, id, 0)).toMatchObject({ state: 'COMPLETED' });
  });

  test('may be made again after a failed model, which may also be retried', async () => {
    const { id } = await awaiting(3);
    await studio.select(person, id, 0);
    const failed = await claimOne();
    await studio.fail(failed);
    await studio.until(person, id, { status: 'MODEL_FAILED', phase: 'MODEL_GENERATION' });
    await studio.act(person, 'retryTask', taskIdOf(failed));
    await studio.until(person, id, { status: 'MODEL_PENDING' });
    expect(await studio.select(person, id, 1)).toMatchObject({ state: 'MODEL_PENDING' });
    await studio.fail(await claimOne());
    await studio.until(person, id, { status: 'MODEL_FAILED' });
    expect(await studio.select(person, id, 1)).toMatchObject({
      selectedImageIndex: 1,
      status: 'MODEL_PENDING',
    });
    await studio.succeed(await claimOne());
    await studio.until(person, id, { status: 'COMPLETED' });
    expect(names(await told(id)).filter((name) => name.startsWith('Model'))).toEqual([
      ...['ModelGenerating', 'ModelFailed', 'ModelFailed'],
      ...['ModelGenerating', 'ModelCompleted'],
    ]);
  });
});
