import { randomBytes } from 'node:crypto';
import { expect, test, vi } from 'vitest';
import type { Client, SubmitTaskInput } from '../../sdk/src/index.ts';
import { createSimulator, drawPicture, type Simulator } from '../../simulator/index.ts';
import { adminKey } from '../support/app.ts';
import { post } from '../support/graphql.ts';
import type { ServerProcess } from '../support/process.ts';
import { ended, openSite, type Site } from './site.ts';

const lease = { WORKER_LEASE_MS: '3000' };

const REGISTER = `mutation ($input: RegisterNodeInput!) {
  registerNode(input: $input) { ... on GpuNode { id } ... on Error { message } }
}`;

async function register(server: ServerProcess, { protocol, url, settings }: Simulator): Promise<void> {
  const offers = [{ kind: 'IMAGE_TO_3D', models: [protocol.toLowerCase()] }];
  const input = { name: protocol, url, protocol, offers, token: settings.token };
  const { registerNode } = await post<{ registerNode: object }>(server.url, adminKey, REGISTER, { input });
  expect(registerNode).toHaveProperty('id');
}

async function model(of: Simulator): Promise<SubmitTaskInput> {
  const bytes = await drawPicture({ prompt: 'a clay pot', seed: 3, width: 64, height: 64 });
  const upload = new File([new Uint8Array(bytes)], 'pot.png', { type: 'image/png' });
  return { task: { imageTo3d: { image: { upload }, model: of.protocol.toLowerCase() } } };
}

/** Resolves when so many tasks have a job of which nothing but its handle need be known. */
async function kept({ database }: Site, count: number): Promise<void> {
  const handles = () => database.prisma.remoteJob.count({ where: { handle: { not: null } } });
  await vi.waitUntil(async () => (await handles()) === count, { timeout: 20_000, interval: 20 });
}

async function filesOf(client: Client, id: string): Promise<string[]> {
  const { status, result, error } = await ended(client, id);
  expect({ status, error }).toEqual({ status: 'SUCCEEDED', error: null });
  return result?.__typename === 'ModelResult' ? result.files.map(({ mimeType }) => mimeType) : [];
}

test('kill -9 of a worker after its nodes took their jobs: the next one waits for them, and pays for none again', {
  timeout: 60_000,
}, async () => {
  await using site = await openSite();
  await using provider = await createSimulator({
    protocol: 'TENCENT_AI3D',
    latencyMs: 6_000,
    token: `id:${randomBytes(8).toString('hex')}`,
  });
  await using own = await createSimulator({ protocol: 'HUNYUAN3D', latencyMs: 6_000 });
  const [api, first] = await Promise.all([site.start('api', lease), site.start('worker', lease)]);
  const client = site.client(api);
  await Promise.all([provider, own].map((node) => register(api, node)));
  const tasks = [];
  for (const node of [provider, own]) tasks.push(await client.submit(await model(node)));
  await kept(site, 2);
  await first.end('SIGKILL');
  await site.start('worker', lease);
  for (const { id } of tasks) {
    expect(await filesOf(client, id)).toEqual(['model/gltf-binary']);
    expect((await site.attempts(id)).map(({ outcome }) => outcome)).toEqual(['WORKER_LOST', 'SUCCEEDED']);
  }
  expect([provider.history.length, own.history.length]).toEqual([1, 1]);
  expect(await site.database.prisma.remoteJob.count()).toBe(0);
  await site.expectOrder();
});

test('kill -9 of a worker that waits to hear whether its job was taken: the task fails, until somebody retries it', {
  timeout: 60_000,
}, async () => {
  await using site = await openSite();
  await using provider = await createSimulator({ protocol: 'TENCENT_AI3D', token: 'id:key' });
  const [api, first] = await Promise.all([site.start('api', lease), site.start('worker', lease)]);
  const client = site.client(api);
  await register(api, provider);
  provider.failNext({ type: 'hang' });
  // The provider may be at work for it: its place is left alone until the attempt would have had to end.
  const { id } = await client.submit({ ...(await model(provider)), timeoutMs: 6_000 });
  await provider.received(1);
  await first.end('SIGKILL');
  await site.start('worker', lease);
  expect(await ended(client, id)).toMatchObject({
    status: 'FAILED',
    error: {
      code: 'WORKER_LOST',
      message: expect.stringContaining('retryTask submits it, and pays for it, again'),
    },
  });
  expect(provider.history).toHaveLength(1);

  await client.retry(id);
  expect(await filesOf(client, id)).toEqual(['model/gltf-binary']);
  expect(provider.history).toHaveLength(2);
  await site.expectOrder();
});
