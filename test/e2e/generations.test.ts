import { afterEach, expect, test } from 'vitest';
import {
  type Client,
  createClient,
  type Generation,
  type GenerationEvent,
  isGenerationFinal,
} from '../../sdk/src/index.ts';
import { createSimulator, type Simulator, type SimulatorOptions } from '../../simulator/index.ts';
import { startCuttableProxy } from '../sdk/cuttable-proxy.ts';
import { adminKey, startTestApp } from '../support/app.ts';
import { post } from '../support/graphql.ts';
import { openSite } from './site.ts';

interface Crew {
  readonly writer: Simulator;
  readonly painter: Simulator;
  readonly sculptor: Simulator;
  /** As `GPU_NODES` takes them. */
  readonly entries: readonly object[];
}

let opened = new AsyncDisposableStack();
afterEach(async () => {
  await opened.disposeAsync();
  opened = new AsyncDisposableStack();
});

async function openCrew(latencyMs = 0): Promise<Crew> {
  const open = async (options: SimulatorOptions) =>
    opened.use(await createSimulator({ ...options, latencyMs }));
  const writer = await open({ protocol: 'OPENAI' });
  const painter = await open({ protocol: 'OPENAI', slots: 4 });
  const sculptor = await open({ protocol: 'HUNYUAN3D' });
  const entry = (name: string, { url, protocol, settings }: Simulator, kind: string): object => ({
    ...{ name, url, protocol, slots: settings.slots },
    offers: [{ kind, models: [name] }],
  });
  const entries = [
    entry('writer', writer, 'TEXT_GENERATION'),
    entry('painter', painter, 'TEXT_TO_IMAGE'),
    entry('sculptor', sculptor, 'IMAGE_TO_3D'),
  ];
  return { writer, painter, sculptor, entries };
}

/** What a subscriber is told, as it comes. */
interface Diary {
  readonly events: GenerationEvent[];
  /** Resolves when it has such an event. */
  until(matches: (event: GenerationEvent) => boolean): Promise<void>;
  /** Resolves when the stream has completed. */
  readonly ended: Promise<void>;
}

function keepDiary(client: Client, id: string): Diary {
  const events: GenerationEvent[] = [];
  const waiting = new Set<() => void>();
  const read = async (): Promise<void> => {
    for await (const event of client.generationEvents(id, { signal: AbortSignal.timeout(100_000) })) {
      events.push(event);
      for (const look of waiting) look();
    }
  };
  const ended = read();
  // A test that fails does not wait for it.
  ended.catch(() => undefined);
  return {
    events,
    ended,
    until: (matches) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!events.some(matches)) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
  };
}

const isStatus =
  (status: Generation['status']) =>
  (event: GenerationEvent): boolean =>
    event.__typename === 'GenerationUpdated' && event.status === status;

const nameOf = (event: GenerationEvent): string => {
  if (event.__typename === 'GenerationUpdated') return event.status;
  return 'index' in event ? `${event.__typename} ${event.index}` : event.__typename;
};

/** Everything that is told of a generation of four pictures, each once. */
const everything = [
  ...['IMAGE_PENDING', 'IMAGE_PENDING', 'IMAGE_GENERATING', 'IMAGE_COMPLETED'],
  ...[0, 1, 2, 3].flatMap((index) => [`ImageGenerating ${index}`, `ImageCompleted ${index}`]),
  ...[
    'MODEL_PENDING',
    'MODEL_GENERATING',
    'ModelGenerating',
    'ModelCompleted',
    'MODEL_COMPLETED',
    'COMPLETED',
  ],
].toSorted();

function expectWhole({ events }: Diary): void {
  const log = events.filter(({ __typename }) => __typename !== 'ModelProgress');
  expect(log.map((event) => event.__typename !== undefined && 'version' in event && event.version)).toEqual(
    log.map((_, n) => n + 1),
  );
  expect(log.map(nameOf).toSorted()).toEqual(everything);
}

test('a generation runs from its prompt to its files, whatever attempts and connections it takes', {
  timeout: 120_000,
}, async () => {
  const { painter, sculptor, writer, entries } = await openCrew(100);
  const app = opened.use(await startTestApp({ GPU_NODES: JSON.stringify(entries) }));
  const client = createClient({ url: app.url, token: adminKey });
  opened.defer(() => client.close());
  writer.failNext({ type: 'fail' });
  painter.failNext({ type: 'fail' }, 2);
  sculptor.failNext({ type: 'status', status: 500 });
  const { id } = await client.createGeneration({ prompt: 'a mill by a river', format: 'GLB' });
  const line = opened.use(await startCuttableProxy(app.url));
  const watcher = createClient({ url: line.url, token: adminKey });
  opened.defer(() => watcher.close());
  const diary = keepDiary(watcher, id);
  for (const name of ['ImageGenerating 1', 'ModelGenerating']) {
    void diary.until((event) => nameOf(event) === name).then(() => line.cut());
  }
  await diary.until(isStatus('IMAGE_COMPLETED'));
  const drawn = await client.generation(id);
  expect(new Set(drawn?.images.map(({ image }) => image?.sha256)).size).toBe(4);
  expect(drawn?.finalPrompt).not.toBe('a mill by a river');
  expect(drawn?.rewrite).toEqual({ status: 'COMPLETED', message: null });
  await client.selectImage(id, 3);
  await diary.ended;
  expectWhole(diary);
  const { model, completedAt } = (await client.generation(id)) ?? {};
  expect(completedAt).not.toBeNull();
  const [file] = model?.files ?? [];
  if (!file) throw new Error('there is no model');
  expect(file.mimeType).toBe('model/gltf-binary');
  const bytes = await (await client.download(file)).arrayBuffer();
  expect(Buffer.from(bytes).subarray(0, 4).toString()).toBe('glTF');
  const ids: string[] = [];
  for await (const generation of client.generations()) ids.push(generation.id);
  expect(ids).toEqual([id]);
  await client.deleteGeneration(id);
  expect(await client.generation(id)).toBeNull();
});

const REGISTER = `mutation ($input: RegisterNodeInput!) {
  registerNode(input: $input) { ... on GpuNode { id } ... on Error { message } }
}`;

test('kill -9 of the worker in every phase: nothing is lost, doubled or told twice', {
  timeout: 120_000,
}, async () => {
  const { painter, sculptor, writer, entries } = await openCrew();
  for (const node of [writer, painter, sculptor]) node.set({ slots: 0 });
  const site = opened.use(await openSite());
  const api = await site.open('api');
  const first = await site.start('worker');
  for (const input of entries) await post(api.url, adminKey, REGISTER, { input });
  const client = createClient({ url: api.url, token: adminKey });
  opened.defer(() => client.close());
  const { id } = await client.createGeneration({ prompt: 'a mill' });
  const diary = keepDiary(client, id);

  // While the prompt is rewritten.
  await writer.received(1);
  const [second] = await Promise.all([site.start('worker'), site.kill(first)]);
  writer.set({ slots: 1 });

  // While the pictures are drawn.
  await painter.received(4);
  await diary.until(isStatus('IMAGE_GENERATING'));
  const [third] = await Promise.all([site.start('worker'), site.kill(second)]);
  painter.set({ slots: 4 });

  // While it waits for a selection, which is made with nobody there to follow.
  await diary.until(isStatus('IMAGE_COMPLETED'));
  await site.kill(third);
  expect(await client.selectImage(id, 1)).toMatchObject({ status: 'MODEL_PENDING' });
  await expect(client.selectImage(id, 1)).rejects.toMatchObject({ code: 'INVALID_STATE' });

  // While the model is made: the node works on, and whoever comes next takes up its job.
  const fourth = await site.start('worker');
  await sculptor.received(1);
  await diary.until(isStatus('MODEL_GENERATING'));
  const handles = 'SELECT FROM remote_job WHERE handle IS NOT NULL';
  await expect.poll(async () => (await site.database.pool.query(handles)).rowCount).toBe(1);
  await Promise.all([site.open('worker'), site.kill(fourth)]);
  sculptor.set({ slots: 1 });
  await diary.ended;
  expect(sculptor.history).toHaveLength(1);

  expectWhole(diary);
  const generation = await client.generation(id);
  expect(generation && isGenerationFinal(generation)).toBe(true);
  expect(generation).toMatchObject({ status: 'COMPLETED', rewrite: { status: 'COMPLETED' } });
  await site.expectOrder();
  const { rows } = await site.database.pool.query(
    'SELECT kind, count(*)::int FROM task GROUP BY kind ORDER BY kind',
  );
  expect(rows).toEqual([
    { kind: 'IMAGE_TO_3D', count: 1 },
    { kind: 'TEXT_GENERATION', count: 1 },
    { kind: 'TEXT_TO_IMAGE', count: 4 },
  ]);
});
