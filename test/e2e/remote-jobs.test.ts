import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Client, SubmitTaskInput } from '../../sdk/src/index.ts';
import { createSimulator, drawPicture, type Simulator } from '../../simulator/index.ts';
import { adminKey } from '../support/app.ts';
import { post } from '../support/graphql.ts';
import type { ServerProcess } from '../support/process.ts';
import { ended, openSite, type Server, type Site } from './site.ts';

vi.setConfig({ testTimeout: 60_000 });

const REGISTER = `mutation ($input: RegisterNodeInput!) {
  registerNode(input: $input) { ... on GpuNode { id } ... on Error { message } }
}`;

let site: Site;
let api: Server;
let client: Client;
/** The only one that runs, before each test and after it. */
let worker: ServerProcess;

beforeAll(async () => {
  site = await openSite();
  [api, worker] = await Promise.all([site.open('api'), site.start('worker')]);
  client = site.client(api);
});

afterAll(() => site?.[Symbol.asyncDispose]());

async function register({ protocol, url, settings: { token } }: Simulator, model: string): Promise<void> {
  const offers = [{ kind: 'IMAGE_TO_3D', models: [model] }];
  const input = { name: model, url, protocol, offers, token };
  const { registerNode } = await post<{ registerNode: object }>(api.url, adminKey, REGISTER, { input });
  expect(registerNode).toHaveProperty('id');
}

async function pot(model: string): Promise<SubmitTaskInput> {
  const bytes = await drawPicture({ prompt: 'a clay pot', seed: 3, width: 64, height: 64 });
  const upload = new File([new Uint8Array(bytes)], 'pot.png', { type: 'image/png' });
  return { task: { imageTo3d: { image: { upload }, model } } };
}

/** Resolves when so many tasks have a job of which nothing but its handle need be known. */
async function kept(count: number): Promise<void> {
  const handles = () => site.database.prisma.remoteJob.count({ where: { handle: { not: null } } });
  await vi.waitUntil(async () => (await handles()) === count, { timeout: 20_000, interval: 20 });
}

async function filesOf(id: string): Promise<string[]> {
  const { status, result, error } = await ended(client, id);
  expect({ status, error }).toEqual({ status: 'SUCCEEDED', error: null });
  return result?.__typename === 'ModelResult' ? result.files.map(({ mimeType }) => mimeType) : [];
}

test('kill -9 of a worker after its nodes took their jobs: the next one waits for them, and pays for none again', async () => {
  await using provider = await createSimulator({
    protocol: 'TENCENT_AI3D',
    slots: 0,
    token: `id:${randomBytes(8).toString('hex')}`,
  });
  await using own = await createSimulator({ protocol: 'HUNYUAN3D', slots: 0 });
  await Promise.all([register(provider, 'cloud'), register(own, 'own')]);
  const tasks = [];
  for (const model of ['cloud', 'own']) tasks.push(await client.submit(await pot(model)));
  await kept(2);
  [worker] = await Promise.all([site.start('worker'), site.kill(worker)]);
  for (const { id } of tasks) await expect.poll(() => site.attempts(id)).toHaveLength(2);
  for (const node of [provider, own]) node.set({ slots: 1 });
  for (const { id } of tasks) {
    expect(await filesOf(id)).toEqual(['model/gltf-binary']);
    expect((await site.attempts(id)).map(({ outcome }) => outcome)).toEqual(['WORKER_LOST', 'SUCCEEDED']);
  }
  expect([provider.history.length, own.history.length]).toEqual([1, 1]);
  expect(await site.database.prisma.remoteJob.count()).toBe(0);
  await site.expectOrder();
});

test('kill -9 of a worker that waits to hear whether its job was taken: the task fails, until somebody retries it', async () => {
  await using provider = await createSimulator({ protocol: 'TENCENT_AI3D', token: 'id:key' });
  await register(provider, 'silent');
  provider.failNext({ type: 'hang' });
  const { id } = await client.submit(await pot('silent'));
  await provider.received(1);
  [worker] = await Promise.all([site.start('worker'), site.kill(worker)]);
  expect(await ended(client, id)).toMatchObject({
    status: 'FAILED',
    error: {
      code: 'WORKER_LOST',
      message: expect.stringContaining('retryTask submits it, and pays for it, again'),
    },
  });
  expect(provider.history).toHaveLength(1);

  // The provider may be at work for it: its place is left alone until the attempt would have had to end.
  const free = 'UPDATE slot SET held_until = NULL WHERE held_until > now()';
  expect(await site.database.pool.query(free)).toMatchObject({ rowCount: 1 });
  await client.retry(id);
  expect(await filesOf(id)).toEqual(['model/gltf-binary']);
  expect(provider.history).toHaveLength(2);
  await site.expectOrder();
});
