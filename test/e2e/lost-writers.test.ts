import { expect, test } from 'vitest';
import type { Task } from '../../sdk/src/index.ts';
import { createSimulator } from '../../simulator/index.ts';
import { openSite } from './site.ts';

const lease = { WORKER_LEASE_MS: '3000' };

test('kill -9 of a worker in the midst of a text: it is hidden, and begins anew on another worker', async () => {
  await using simulator = await createSimulator({ protocol: 'OPENAI', latencyMs: 3_000 });
  await using site = await openSite();
  const offers = [{ kind: 'TEXT_GENERATION', models: ['poet'] }];
  const nodes = [{ name: 'poet', url: simulator.url, protocol: 'openai', offers }];
  const [api, first] = await Promise.all([
    site.start('api', { ...lease, GPU_NODES: JSON.stringify(nodes) }),
    site.start('worker', lease),
  ]);
  const client = site.client(api);
  const { id } = await client.submit({
    task: { textGeneration: { prompt: 'sing of foxes', maxTokens: 40 } },
  });
  const seen: Task[] = [];
  let isKilled = false;
  for await (const task of client.watch(id, { signal: AbortSignal.timeout(40_000) })) {
    seen.push(task);
    const isAmidst = task.attempt === 1 && (task.partialText?.length ?? 0) > 40;
    if (!isAmidst || isKilled) continue;
    isKilled = true;
    await Promise.all([first.end('SIGKILL'), site.start('worker', lease)]);
  }
  const waiting = seen.find(({ status, attempt }) => status === 'QUEUED' && attempt === 1);
  expect(waiting).toMatchObject({ partialText: null, error: { code: 'WORKER_LOST' } });
  const again = seen.flatMap(({ attempt, partialText }) =>
    attempt === 2 && partialText ? [partialText] : [],
  );
  expect(again[0]?.length).toBeLessThan(40);
  expect(seen.at(-1)).toMatchObject({ status: 'SUCCEEDED', attempt: 2, partialText: null });
  await site.expectOrder();
  const { rows } = await site.database.pool.query('SELECT 1 FROM task_text');
  expect(rows).toEqual([]);
}, 60_000);
