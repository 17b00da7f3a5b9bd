import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Client, createClient, isFinal, type Task } from '../../sdk/src/index.ts';
import { createSimulator, type Simulator, speak, speakPcm } from '../../simulator/index.ts';
import { adminKey, startTestApp, type TestApp } from '../support/app.ts';
import { type CuttableProxy, startCuttableProxy } from './cuttable-proxy.ts';

vi.setConfig({ testTimeout: 60_000 });

let painter: Simulator;
let listener: Simulator;
let embedder: Simulator;
let app: TestApp;
let proxy: CuttableProxy;
let client: Client;

beforeAll(async () => {
  painter = await createSimulator({ protocol: 'QWEN_IMAGE_GGUF', latencyMs: 100 });
  listener = await createSimulator({ protocol: 'FAST_WHISPER' });
  embedder = await createSimulator({ protocol: 'OPENAI' });
  app = await startTestApp({
    GPU_NODES: JSON.stringify([
      {
        name: 'painter',
        url: painter.url,
        protocol: 'qwen-image-gguf',
        offers: [{ kind: 'TEXT_TO_IMAGE', models: ['qwen-image'] }],
      },
      {
        name: 'listener',
        url: listener.url,
        protocol: 'fast-whisper',
        offers: [{ kind: 'SPEECH_TO_TEXT', models: ['whisper'] }],
      },
      {
        name: 'embedder',
        url: embedder.url,
        protocol: 'openai',
        offers: [{ kind: 'EMBEDDING', models: ['bge-m3'] }],
      },
    ]),
  });
  proxy = await startCuttableProxy(app.url);
  client = createClient({ url: app.url, token: adminKey });
});

afterAll(async () => {
  client?.close();
  await proxy?.[Symbol.asyncDispose]();
  await app?.[Symbol.asyncDispose]();
  await painter?.close();
  await listener?.close();
  await embedder?.close();
});

const fox = { task: { textToImage: { prompt: 'a red fox', width: 64, height: 64 } } };
const later = { ...fox, startAt: new Date(Date.now() + 86_400_000).toISOString() };

test('a picture is submitted, waited for and downloaded', async () => {
  const told: Task[] = [];
  const task = await client.submitAndWait(fox, { onProgress: (one) => told.push(one) });
  expect(task).toMatchObject({ status: 'SUCCEEDED', kind: 'TEXT_TO_IMAGE', model: 'qwen-image' });
  expect(told.at(-1)).toEqual(task);
  expect(told.map(({ version }) => version)).toEqual(told.map(({ version }) => version).toSorted());
  if (task.result?.__typename !== 'ImageResult') throw new Error('no picture');
  const [image] = task.result.images;
  if (image === undefined) throw new Error('no picture');
  const bytes = await (await client.download(image)).bytes();
  expect(createHash('sha256').update(bytes).digest('hex')).toBe(image.sha256);
});

test.each([
  ['a file', () => ({ upload: new File([new Uint8Array(speak('hello'))], 'hello.wav') })],
  [
    'raw samples',
    () => ({ pcm: { data: new Blob([new Uint8Array(speakPcm('hello'))]), sampleRate: 16_000 } }),
  ],
])('speech is uploaded as %s', async (_, audio) => {
  const task = await client.submitAndWait({ task: { speechToText: { audio: audio() } } });
  expect(task.result).toMatchObject({ __typename: 'TranscriptResult', text: 'hello' });
});

test('a batch is submitted, followed to its end and listed; a circle in it is a problem that names its place', async () => {
  // So long that nothing has been drawn when the batch is told.
  painter.set({ slots: 0 });
  const batch = await client.submitBatch({
    tasks: [
      { ref: 'second', dependsOnRefs: ['first'], input: fox },
      { ref: 'first', input: fox },
    ],
  });
  expect(batch).toMatchObject({ total: 2, blocked: 1 });
  // The first may have started by then.
  expect(batch.queued + batch.running).toBe(2);
  painter.set({ slots: 1 });
  const seen = await Array.fromAsync(client.watchBatch(batch.id));
  expect(seen.at(-1)).toMatchObject({ succeeded: 2, finishedAt: expect.any(String) });
  const listed = await Array.fromAsync(client.tasks({ batchId: batch.id }, { orderBy: 'OLDEST' }));
  expect(listed.map(({ status }) => status)).toEqual(['SUCCEEDED', 'SUCCEEDED']);
  expect(await Array.fromAsync(client.watchBatch('batch_none')).catch(({ code }) => code)).toBe('NOT_FOUND');
  const circle = { tasks: [{ ref: 'a', dependsOnRefs: ['a'], input: fox }] };
  await expect(client.submitBatch(circle)).rejects.toMatchObject({
    code: 'BAD_USER_INPUT',
    problem: { issues: [{ path: 'tasks[0].dependsOnRefs[0]' }] },
  });
});

test('a document is put into a knowledge base, listed, found and deleted', async () => {
  const base = await client.createKnowledgeBase({ name: 'handbook' });
  expect(await Array.fromAsync(client.knowledgeBases({ pageSize: 1 }))).toEqual([base]);
  const upload = new File(['The alarm is reset at the door.'], 'alarm.txt');
  const task = await client.submitAndWait({
    task: { document: { file: { upload }, knowledgeBaseId: base.id } },
  });
  expect(task.result).toMatchObject({ document: { name: 'alarm.txt', status: 'INDEXED' } });
  const [document] = await Array.fromAsync(client.documents(base.id, { status: ['INDEXED'] }));
  expect(document).toMatchObject({ chunkCount: 1, error: null, task: { id: task.id } });
  expect(await client.search(base.id, 'where do I reset the alarm?', { first: 1 })).toMatchObject([
    { text: 'The alarm is reset at the door.', startOffset: 0, document: { name: 'alarm.txt' } },
  ]);
  await client.deleteDocument(document?.id ?? '');
  expect(await Array.fromAsync(client.documents(base.id))).toEqual([]);
  await client.deleteKnowledgeBase(base.id);
  await expect(client.search(base.id, 'alarm')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(client.documents(base.id).next()).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('an idempotency key is one task, and another input under it is a conflict', async () => {
  const first = await client.submit({ ...later, idempotencyKey: 'once' });
  expect((await client.submit({ ...later, idempotencyKey: 'once' })).id).toBe(first.id);
  const other = { ...later, task: { textToImage: { prompt: 'a blue fox' } }, idempotencyKey: 'once' };
  await expect(client.submit(other)).rejects.toMatchObject({
    code: 'IDEMPOTENCY_CONFLICT',
    problem: { __typename: 'IdempotencyConflictError', task: { id: first.id } },
  });
});

test('what is wrong with an input is told by field', async () => {
  const bad = { task: { textToImage: { prompt: '', width: 5 } } };
  const error = await client.submit(bad).catch((one: unknown) => one);
  expect(error).toMatchObject({ name: 'SwitchyardError', code: 'BAD_USER_INPUT', transient: false });
  expect(error).toMatchObject({
    problem: {
      issues: expect.arrayContaining([
        expect.objectContaining({ path: 'task.textToImage.prompt' }),
        expect.objectContaining({ path: 'task.textToImage.width' }),
      ]),
    },
  });
});

test('watch and events go on over cut connections, to the end', async () => {
  await using slow = await startCuttableProxy(app.url);
  const cuttable = createClient({ url: slow.url, token: adminKey });
  painter.set({ latencyMs: 500 });
  const { id } = await client.submit(fox);
  const states: Task[] = [];
  const watching = (async () => {
    for await (const task of cuttable.watch(id)) {
      states.push(task);
      slow.cut();
    }
  })();
  const versions: number[] = [];
  for await (const { version } of cuttable.events(id)) {
    versions.push(version);
    slow.cut();
  }
  await watching;
  painter.set({ latencyMs: 100 });
  expect(versions).toEqual([1, 2, 3]);
  expect(states.at(-1)).toMatchObject({ status: 'SUCCEEDED', version: 3 });
  expect(states.filter(isFinal)).toHaveLength(1);
});

test('a task is canceled, retried, canceled again and removed', async () => {
  const { id } = await client.submit(later);
  expect(await client.cancel(id)).toMatchObject({
    outcome: 'REMOVED_FROM_QUEUE',
    task: { status: 'CANCELED' },
  });
  expect((await client.retry(id)).status).not.toBe('CANCELED');
  await client.cancel(id);
  await client.remove(id);
  expect(await client.task(id)).toBeNull();
  await expect(client.remove(id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(client.watch(id).next()).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('all tasks that match are read over the borders of pages', async () => {
  const labels = { page: 'yes' };
  const submitted = await Promise.all(Array.from({ length: 5 }, () => client.submit({ ...later, labels })));
  const found = new Set<string>();
  for await (const { id } of client.tasks({ labels }, { pageSize: 2 })) found.add(id);
  expect(found).toEqual(new Set(submitted.map(({ id }) => id)));
});

test('the client tells who it is, what can be asked for and which nodes there are', async () => {
  expect(await client.me()).toMatchObject({ role: 'ADMIN' });
  expect((await client.models()).map(({ name }) => name).toSorted()).toEqual([
    'bge-m3',
    'qwen-image',
    'whisper',
  ]);
  expect((await client.nodes()).map(({ name }) => name).toSorted()).toEqual([
    'embedder',
    'listener',
    'painter',
  ]);
  expect(await createClient({ url: app.url }).me()).toBeNull();
});

test('a bad token is refused on HTTP and on the socket', async () => {
  const stranger = createClient({ url: app.url, token: 'nonsense' });
  await expect(stranger.me()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  await expect(stranger.watch('task_01h455vb4pex5vsknk084sn02q').next()).rejects.toMatchObject({
    code: 'UNAUTHENTICATED',
  });
});
