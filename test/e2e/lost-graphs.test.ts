import { afterAll, beforeAll, expect, test } from 'vitest';
import { adminKey } from '../support/app.ts';
import { post } from '../support/graphql.ts';
import { openSite, type Site } from './site.ts';

let site: Site;
beforeAll(async () => {
  site = await openSite();
});
afterAll(() => site?.[Symbol.asyncDispose]());

const SUBMIT = `mutation ($input: SubmitTasksInput!) {
  submitTasks(input: $input) { ... on Batch { id total } ... on Error { message } }
}`;

/** A picture that two others depend on, and one that depends on these. */
const tasks = [
  { ref: 'd', dependsOnRefs: ['b', 'c'] },
  { ref: 'c', dependsOnRefs: ['a'] },
  { ref: 'b', dependsOnRefs: ['a'] },
  { ref: 'a' },
].map((task) => ({
  ...task,
  input: { task: { textToImage: { prompt: task.ref, width: 32, height: 32, model: 'fox' } } },
}));

type Submitted = { submitTasks: { id: string; total: number } };

async function submit(url: string, key: string): Promise<string> {
  const input = { tasks, idempotencyKey: key };
  const { submitTasks } = await post<Submitted>(url, adminKey, SUBMIT, { input });
  expect(submitTasks).toMatchObject({ total: tasks.length });
  return submitTasks.id;
}

/** Submits until the server is gone; answers the ids that it acknowledged, by their keys. */
async function submitUntilGone(url: string, prefix: string): Promise<Map<string, string>> {
  const acknowledged = new Map<string, string>();
  for (let n = 0; ; n++) {
    const key = `${prefix}-${n}`;
    try {
      acknowledged.set(key, await submit(url, key));
    } catch {
      // Nobody knows what became of this one.
      acknowledged.set(key, '');
      return acknowledged;
    }
  }
}

test('kill -9 of a server in the middle of graphs, and of their submission: nothing is lost, and nothing done twice', {
  timeout: 120_000,
}, async () => {
  const first = await site.start();
  const node = await site.addNode(first, { model: 'fox', slots: 4 });
  const streams = ['x', 'y', 'z'].map((prefix) => submitUntilGone(first.url, prefix));
  await node.called(60);
  await site.kill(first);
  const known = new Map((await Promise.all(streams)).flatMap((one) => [...one]));
  const second = await site.open();
  // What was not acknowledged is there whole or not at all: with its key it is there once.
  for (const [key, id] of known) {
    const again = await submit(second.url, key);
    if (id !== '') expect(again).toBe(id);
  }
  await site.expectOrder(40_000);

  const { pool } = site.database;
  const { rows } = await pool.query(`
    SELECT count(DISTINCT m.batch_id)::int AS batches, count(*)::int AS tasks,
      (count(*) FILTER (WHERE t.status = 'SUCCEEDED'))::int AS succeeded,
      sum((SELECT count(*) FROM task_event e WHERE e.task_id = t.id AND e.type = 'SUCCEEDED'))::int AS ends,
      sum((SELECT count(*) FROM task_event e WHERE e.task_id = t.id AND e.type = 'RELEASED'))::int AS releases,
      sum((SELECT count(*) FROM task_attempt a WHERE a.task_id = t.id AND a.outcome <> 'WORKER_LOST'))::int AS runs,
      sum((SELECT count(*) FROM task_attempt a WHERE a.task_id = t.id))::int AS attempts
    FROM batch_task m JOIN task t ON t.id = m.task_id`);
  const total = known.size * tasks.length;
  expect(rows[0]).toMatchObject({
    ...{ batches: known.size, tasks: total, succeeded: total, ends: total, runs: total },
    releases: known.size * 3,
  });
  expect(node.calls.length).toBeLessThanOrEqual(rows[0].attempts);
  // Each began when those that it depends on had succeeded.
  const early = await pool.query(`
    SELECT d.child_id FROM task_dependency d JOIN task_event p ON p.task_id = d.parent_id AND p.type = 'SUCCEEDED'
    JOIN task_event c ON c.task_id = d.child_id AND c.type = 'STARTED' WHERE c.at < p.at`);
  expect(early.rows).toEqual([]);
});
