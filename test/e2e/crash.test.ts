import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { createSimulator } from '../../simulator/index.ts';
import { makeFolder } from '../support/folder.ts';
import { post } from '../support/graphql.ts';
import { startServer } from '../support/process.ts';

const SUBMIT = `mutation ($key: String!) {
  submitTask(input: { task: { textToImage: { prompt: $key, width: 64, height: 64 } }, idempotencyKey: $key }) {
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

/** Submits until the server is gone; answers the ids that it acknowledged. */
async function submitUntilGone(url: string, token: string, prefix: string): Promise<string[]> {
  const acknowledged: string[] = [];
  for (let n = 0; ; n++) {
    try {
      const { submitTask } = await post<{ submitTask: { id: string } }>(url, token, SUBMIT, {
        key: `${prefix}-${n}`,
      });
      acknowledged.push(submitTask.id);
    } catch {
      return acknowledged;
    }
  }
}

test('after kill -9 in the middle of submissions, every acknowledged task succeeds, once', {
  timeout: 60_000,
}, async () => {
  await using simulator = await createSimulator({
    protocol: 'QWEN_IMAGE_GGUF',
    slots: 4,
    side: 64,
    latencyMs: 5,
  });
  await using data = await makeFolder();
  const variables = {
    DATA_DIR: data.path,
    GPU_NODES: JSON.stringify([
      {
        name: 'sim',
        url: simulator.url,
        protocol: 'qwen-image-gguf',
        slots: 4,
        offers: [{ kind: 'TEXT_TO_IMAGE', models: ['qwen-image'] }],
      },
    ]),
  };
  await using first = await startServer(variables);
  const token = (await readFile(path.join(data.path, 'admin-key'), 'utf8')).trim();
  const streams = ['a', 'b', 'c', 'd'].map((prefix) => submitUntilGone(first.url, token, prefix));
  await simulator.received(12);
  await first.end('SIGKILL');
  const acknowledged = (await Promise.all(streams)).flat();
  expect(acknowledged.length).toBeGreaterThan(12);

  await using second = await startServer(variables);
  await expect
    .poll(async () => (await listAll(second.url, token)).filter((task) => task.status !== 'SUCCEEDED'), {
      timeout: 40_000,
      interval: 250,
    })
    .toEqual([]);
  const tasks = new Map((await listAll(second.url, token)).map((task) => [task.id, task]));
  for (const id of acknowledged) {
    const task = tasks.get(id);
    expect(task?.result?.images).toHaveLength(1);
    expect(task?.events.filter((event) => event.type === 'SUCCEEDED')).toHaveLength(1);
  }
  expect(await second.end('SIGTERM')).toBe(0);
});
