import { expect, test } from 'vitest';
import { createClient, type Task } from '../../sdk/src/index.ts';
import { createSimulator, type SimulatorOptions } from '../../simulator/index.ts';
import { adminKey, startTestApp } from '../support/app.ts';
import { post } from '../support/graphql.ts';

const draw = { task: { textToImage: { prompt: 'a red fox', width: 64, height: 64, steps: 20 } } };

async function openPainter(protocol: SimulatorOptions['protocol'], latencyMs: number) {
  await using opening = new AsyncDisposableStack();
  const painter = opening.use(await createSimulator({ protocol, latencyMs }));
  const offers = [{ kind: 'TEXT_TO_IMAGE', models: ['painter'] }];
  const entry = { name: 'painter', url: painter.url, protocol, offers };
  const app = opening.use(await startTestApp({ GPU_NODES: JSON.stringify([entry]) }));
  const client = createClient({ url: app.url, token: adminKey });
  opening.defer(() => client.close());
  return Object.assign(opening.move(), { app, client });
}

async function isShown(url: string, { id, preview }: Task): Promise<boolean> {
  const query = 'query ($id: ID!) { task(id: $id) { preview { id } } }';
  const { task } = (await post(url, adminKey, query, { id })) as { task: Pick<Task, 'preview'> };
  return task.preview?.id === preview?.id;
}

const files = async (url: string): Promise<number> => (await fetch(url)).status;

test('previews are shown as they come, each in place of the one before, and go with the attempt', async () => {
  await using painter = await openPainter('A1111', 2_500);
  const { app, client } = painter;
  const told: Task[] = [];
  const looked: number[] = [];
  for await (const task of client.watch((await client.submit(draw)).id)) {
    told.push(task);
    const isNew = task.preview && task.preview.id !== told.at(-2)?.preview?.id;
    if (!task.preview || !isNew) continue;
    const status = await files(task.preview.url);
    // It goes with the attempt, which may have ended before anybody could look.
    if (await isShown(app.url, task)) looked.push(status);
  }
  const previews = new Map(told.flatMap(({ preview }) => (preview ? [[preview.id, preview]] : [])));
  expect(previews.size).toBeGreaterThan(1);
  expect(looked).not.toEqual([]);
  expect(new Set(looked)).toEqual(new Set([200]));
  for (const { mimeType, width } of previews.values()) expect([mimeType, width]).toEqual(['image/jpeg', 32]);
  expect(told.at(-1)).toMatchObject({ status: 'SUCCEEDED', version: 3, preview: null });
  expect(told.filter(({ preview }) => preview).every(({ version }) => version === 2)).toBe(true);
  const progress = told.flatMap((task) => task.progress ?? []);
  expect(progress).toEqual(progress.toSorted((a, b) => a - b));

  const left = () => app.services.database.prisma.artifact.count({ where: { mimeType: 'image/jpeg' } });
  await expect.poll(left).toBe(0);
  for (const { url } of previews.values()) expect(await files(url)).toBe(404);
});

test('a preview is for whom the task is for', async () => {
  await using painter = await openPainter('A1111', 3_000);
  const { app, client } = painter;
  const { accounts } = app.services;
  const user = await accounts.createUser({ username: 'other', password: null, role: 'USER', tier: 'FREE' });
  const { secret } = await accounts.createApiKey(user.id, { name: 'test', expiresAt: null });
  const { id } = await client.submit(draw);
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
  const left = () => app.services.database.prisma.artifact.count();
  await expect.poll(left).toBe(0);
});

test('a node that gives none has none', async () => {
  await using painter = await openPainter('QWEN_IMAGE_GGUF', 700);
  for await (const { preview } of painter.client.watch((await painter.client.submit(draw)).id)) {
    expect(preview).toBeNull();
  }
});
