import { expect, test } from 'vitest';
import { createClient } from '../../sdk/src/index.ts';
import { createSimulator } from '../../simulator/index.ts';
import { findPostmaster } from '../../src/database/embedded/postmaster.ts';
import { post } from '../support/graphql.ts';
import { startOutsideNode } from '../support/outside-nodes.ts';
import { startServer } from '../support/process.ts';
import { foxNode, makeDataDir } from './data-dir.ts';
import { ended, eventOf, picture } from './site.ts';

const SUBMIT = `mutation ($key: String!) {
  submitTask(input: { task: { textToImage: { prompt: $key, width: 64, height: 64, model: "qwen-image" } }, idempotencyKey: $key }) {
    ... on Task { id }
    ... on Error { message }
  }
}`;

const PAGE = `query ($after: String) {
  tasks(first: 100, after: $after) {
    pageInfo { hasNextPage endCursor }
    edges { node { id status version result { ... on ImageResult { images { id } } } events { type } } }
  }
}`;

interface Listed {
  id: string;
  status: string;
  result: { images: { id: string }[] } | null;
  events: { type: string }[];
}

async function listAll(url: string, token: string): Promise<Listed[]> {
  const found: Listed[] = [];
  let after: string | null = null;
  for (;;) {
    type Page = {
      tasks: { pageInfo: { hasNextPage: boolean; endCursor: string }; edges: { node: Listed }[] };
    };
    const { tasks }: Page = await post<Page>(url, token, PAGE, { after });
    found.push(...tasks.edges.map(({ node }) => node));
    if (!tasks.pageInfo.hasNextPage) return found;
    after = tasks.pageInfo.endCursor;
  }
}

/** Submits until the server is gone; adds the ids that it acknowledged. */
async function submitUntilGone(
  url: string,
  token: string,
  { prefix, acknowledged }: { prefix: string; acknowledged: string[] },
): Promise<void> {
  for (let n = 0; ; n++) {
    try {
      const { submitTask } = await post<{ submitTask: { id: string } }>(url, token, SUBMIT, {
        key: `${prefix}-${n}`,
      });
      acknowledged.push(submitTask.id);
    } catch {
      return;
    }
  }
}

test('a data folder serves one server; kill -9 of it in the middle of submissions, and of PostgreSQL too, costs nothing', {
  timeout: 120_000,
}, async () => {
  await using data = await makeDataDir();
  await using node = await startOutsideNode('OPENAI');
  await using simulator = await createSimulator({
    protocol: 'QWEN_IMAGE_GGUF',
    slots: 4,
    side: 64,
    latencyMs: 5,
  });
  const simulated = {
    name: 'sim',
    url: simulator.url,
    protocol: 'qwen-image-gguf',
    slots: 4,
    offers: [{ kind: 'TEXT_TO_IMAGE', models: ['qwen-image'] }],
  };
  const variables = { DATA_DIR: data.path, GPU_NODES: JSON.stringify([foxNode(node.url), simulated]) };
  await using first = await startServer(variables);
  const refused = await startServer(variables).catch((error: unknown) => String(error));
  expect(refused).toMatch(/ended with 1:/);
  expect(refused).toContain(String(first.pid));
  expect(refused).toContain(data.path);

  node.hold();
  const token = await data.adminKey();
  const open = (url: string) => createClient({ url, token });
  const held = await open(first.url).submit({ ...picture('fox'), maxAttempts: 5 });
  await node.called(1);
  const acknowledged: string[] = [];
  const streams = ['a', 'b', 'c', 'd'].map((prefix) =>
    submitUntilGone(first.url, token, { prefix, acknowledged }),
  );
  await simulator.received(12);
  await expect.poll(() => acknowledged.length, { interval: 5 }).toBeGreaterThan(12);
  await first.end('SIGKILL');
  await Promise.all(streams);

  const left = await findPostmaster(data.cluster);
  expect(left).not.toBeNull();
  await using second = await startServer(variables);
  expect((await findPostmaster(data.cluster))?.pid).not.toBe(left?.pid);
  const client = open(second.url);
  // Its predecessor's lease need not run out.
  await node.called(2);
  expect((await eventOf(client, held.id, 'RETRYING')).error?.code).toBe('WORKER_LOST');
  client.close();
  const others = async () => (await listAll(second.url, token)).filter(({ id }) => id !== held.id);
  await expect
    .poll(async () => (await others()).filter((task) => task.status !== 'SUCCEEDED'), {
      timeout: 60_000,
      interval: 250,
    })
    .toEqual([]);
  const tasks = new Map((await others()).map((task) => [task.id, task]));
  for (const id of acknowledged) {
    const task = tasks.get(id);
    expect(task?.result?.images).toHaveLength(1);
    expect(task?.events.filter((event) => event.type === 'SUCCEEDED')).toHaveLength(1);
  }

  const postmaster = await findPostmaster(data.cluster);
  await second.end('SIGKILL');
  if (!postmaster) throw new Error('PostgreSQL does not run');
  process.kill(postmaster.pid, 'SIGKILL');
  await using third = await startServer(variables);
  node.release();
  const last = open(third.url);
  expect((await ended(last, held.id)).status).toBe('SUCCEEDED');
  last.close();
  expect(await third.end('SIGTERM')).toBe(0);
  expect(await findPostmaster(data.cluster)).toBeNull();
});
