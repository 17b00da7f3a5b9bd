import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type Client, createClient, type Task } from '../../sdk/src/index.ts';
import { createSimulator, type Simulator } from '../../simulator/index.ts';
import { adminKey, startTestApp, type TestApp } from '../support/app.ts';
import { post } from '../support/graphql.ts';

vi.setConfig({ testTimeout: 60_000 });

/** So slow that previews are seen, whatever holds up whoever looks; the node may hurry then. */
const STEPS = 200;
const slow = { latencyMs: 200 * STEPS };

const stack = new AsyncDisposableStack();
let painter: Simulator;
let app: TestApp;
let client: Client;

beforeAll(async () => {
  painter = stack.use(await createSimulator({ protocol: 'A1111' }));
  const silent = stack.use(await createSimulator({ protocol: 'QWEN_IMAGE_GGUF', latencyMs: 700 }));
  const entries = Object.entries({ painter, silent }).map(([name, { url, protocol }]) => ({
    ...{ name, url, protocol },
    offers: [{ kind: 'TEXT_TO_IMAGE', models: [name] }],
  }));
  app = stack.use(await startTestApp({ GPU_NODES: JSON.stringify(entries) }));
  client = createClient({ url: app.url, token: adminKey });
  stack.defer(() => client.close());
});
beforeEach(() => painter.set(slow));
afterAll(() => stack.disposeAsync());

const draw = (model: string) => ({
  task: { textToImage: { prompt: 'a red fox', width: 64, height: 64, steps: STEPS, model } },
});

async function isShown({ id, preview }: Task): Promise<boolean> {
  const query = 'query ($id: ID!) { task(id: $id) { preview { id } } }';
  const { task } = (await post(app.url, adminKey, query, { id })) as { task: Pick<Task, 'preview'> };
  return task.preview?.id === preview?.id;
}

const files = async (url: string): Promise<number> => (await fetch(url)).status;
const left = () => app.services.database.prisma.artifact.count({ where: { mimeType: 'image/jpeg' } });

test('previews are shown as they come, each in place of the one before, and go with the attempt', async () => {
  const told: Task[] = [];
  const looked: number[] = [];
  const previews = new Map<string, NonNullable<Task['preview']>>();
  for await (const task of client.watch((await client.submit(draw('painter'))).id)) {
    told.push(task);
    if (!task.preview || previews.has(task.preview.id)) continue;
    previews.set(task.preview.id, task.preview);
    const status = await files(task.preview.url);
    // The next one may have come before anybody could look.
    if (await isShown(task)) looked.push(status);
    if (previews.size > 1 && looked.length > 0) painter.set({ latencyMs: 0 });
  }
  expect(previews.size).toBeGreaterThan(1);
  expect(new Set(looked)).toEqual(new Set([200]));
  for (const { mimeType, width } of previews.values()) expect([mimeType, width]).toEqual(['image/jpeg', 32]);
  expect(told.at(-1)).toMatchObject({ status: 'SUCCEEDED', version: 3, preview: null });
  expect(told.filter(({ preview }) => preview).every(({ version }) => version === 2)).toBe(true);
  const progress = told.flatMap((task) => task.progress ?? []);
  expect(progress).toEqual(progress.toSorted((a, b) => a - b));

  await expect.poll(left).toBe(0);
  for (const { url } of previews.values()) expect(await files(url)).toBe(404);
});

test('a preview is for whom the task is for', async () => {
  const { accounts } = app.services;
  const user = await accounts.createUser({ username: 'other', password: null, role: 'USER', tier: 'FREE' });
  const { secret } = await accounts.createApiKey(user.id, { name: 'test', expiresAt: null });
  const { id } = await client.submit(draw('painter'));
  for await (const { preview } of client.watch(id)) {
    if (!preview) continue;
    const node = '{ node(id: "ID") { ... on Artifact { sizeBytes } } }'.replace('ID', preview.id);
    const task = '{ task(id: "ID") { preview { id } } }'.replace('ID', id);
    expect(await post(app.url, secret, node, {})).toEqual({ node: null });
    expect(await post(app.url, secret, task, {})).toEqual({ task: null });
    expect(await post(app.url, adminKey, task, {})).toEqual({
      task: { preview: { id: expect.stringMatching(/^artifact_/) } },
    });
    break;
  }
  await client.cancel(id);
  await expect.poll(left).toBe(0);
});

test('a node that gives none has none', async () => {
  for await (const { preview } of client.watch((await client.submit(draw('silent'))).id)) {
    expect(preview).toBeNull();
  }
});
