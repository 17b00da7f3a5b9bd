import { expect, test } from 'vitest';
import { type Backlog, expectedWait } from '../../src/tasks/expected-waits.ts';
import { openYard, submission } from '../support/yard.ts';

const kind = 'TEXT_TO_IMAGE';
const node = (id: string, models: string[], busyForSeconds: number[], free = 0) => ({
  ...{ id, offers: [{ kind, models }], busyForSeconds, lastLeasedAt: 0 },
  freeSlots: Array.from({ length: free }, (_, n) => n + 1),
});
const speed = (nodeId: string, model: string, secondsPerUnit: number, samples = 9) => ({
  ...{ nodeId, kind, model, secondsPerUnit, samples },
});
const backlog = (model: string, queued: number): Backlog => ({ kind, model, queued, cost: 1 });
const a = { kind, model: 'a' };

test('the wait for a model is the time until a slot of its nodes is through with all that waits for them', () => {
  const nodes = [node('1', ['a'], [4]), node('2', ['a', 'b'], [10])];
  const speeds = [speed('1', 'a', 2), speed('2', 'a', 2), speed('2', 'b', 3)];
  const wait = (...backlogs: Backlog[]) => expectedWait(a, nodes, backlogs, speeds);
  expect(wait()).toBe(4);
  expect(wait(backlog('a', 2))).toBe(8);
  expect(wait(backlog('a', 5))).toBe(12);
  expect(wait(backlog('a', 5), backlog('b', 2))).toBe(15);
  expect(wait(backlog('c', 100))).toBe(4);
  expect(expectedWait(a, [node('1', ['a'], [9], 1)], [], [])).toBe(0);
});

test('nobody guesses: without a node, or without measured runs, the wait is not known', () => {
  const nodes = [node('1', ['a'], [4])];
  expect(expectedWait({ kind, model: 'b' }, nodes, [], [])).toBeNull();
  expect(expectedWait(a, nodes, [backlog('a', 1)], [speed('1', 'a', 2, 4)])).toBeNull();
});

test('it is read from the queues as they are', async () => {
  await using yard = await openYard();
  const nodeId = await yard.addNode({ models: ['a'] });
  const userId = await yard.addUser();
  expect((await yard.tasks.expectedWaits())(a)).toBe(0);
  await yard.sql(
    `INSERT INTO run_estimate (node_id, kind, model, samples, recent) VALUES ($1, $2, 'a', 9, '{2}')`,
    [nodeId, kind],
  );
  const [{ taskId } = { taskId: '' }] = await Promise.all(
    [1, 2, 3].map(() => yard.tasks.submit(submission(userId, { model: 'a' }), 'VIP')),
  );
  const { cost } = await yard.task(taskId);
  await expect
    .poll(async () => (await yard.tasks.expectedWaits())(a), { timeout: 3_000 })
    .toBeCloseTo(3 * 2 * cost, 2);
});
