import { expect, test } from 'vitest';
import { openDatabase, UncertainCommitError } from '../../src/database/index.ts';
import { openCutProxy } from '../support/cut-proxy.ts';
import { expectAllDone, expectInvariants } from '../support/invariants.ts';
import { testLog } from '../support/log.ts';
import { claimOne, drain, finish, openYard, submission, success } from '../support/yard.ts';
import { graph, runAll } from './graph-support.ts';

const title =
  'when the connection breaks after a commit was sent, nothing is lost, doubled or forgotten: %i connections';
test.for([1, 4])(title, async (lanes) => {
  await using yard = await openYard();
  await using proxy = await openCutProxy(yard.database.url);
  const connections = await openDatabase({ url: proxy.url, log: testLog, poolSize: 2, lanes });
  const shaky = await yard.another(connections);
  await yard.addNode({ models: ['cut'] });
  const userId = await yard.addUser();

  await shaky.queue.ensure('TEXT_TO_IMAGE', 'cut');
  // One commit is that of the admission, the other writes the task.
  for (const nth of [1, 2]) {
    const cut = proxy.cutCommit(nth);
    const unkeyed = await shaky.tasks.submit(submission(userId, { model: 'cut' }), 'VIP');
    expect(unkeyed.existing).toBe(false);
    await cut;
    const keyed = submission(userId, { model: 'cut', idempotencyKey: `once${nth}` });
    const cutAgain = proxy.cutCommit(nth);
    const { taskId, existing } = await shaky.tasks.submit(keyed, 'VIP');
    await cutAgain;
    expect(existing).toBe(false);
    expect(await yard.tasks.submit(keyed, 'VIP')).toEqual({ taskId, existing: true });
    await expectInvariants(yard.database);
    expect((await drain(yard)).map(({ lease }) => lease.taskId)).toEqual([unkeyed.taskId, taskId]);
  }

  const { taskId } = await yard.tasks.submit(submission(userId, { model: 'cut' }), 'VIP');
  const { tasks, workerId } = shaky;
  let cut = proxy.cutCommit();
  await expect(tasks.claim({ workerId, limit: 1 })).rejects.toThrow(UncertainCommitError);
  await cut;
  expect(await yard.task(taskId)).toMatchObject({ status: 'RUNNING', attempt: 1 });
  const claimed = await claimOne(shaky);
  expect(claimed.lease).toMatchObject({ taskId, attempt: 1 });
  expect(await tasks.claim({ workerId, limit: 1 })).toEqual([]);

  cut = proxy.cutCommit();
  await expect(tasks.settle(success(claimed))).rejects.toThrow(UncertainCommitError);
  await cut;
  expect(await finish(tasks, success(claimed))).toBe('stale');
  expect(await yard.task(taskId)).toMatchObject({ status: 'SUCCEEDED', version: 3 });
  await drain(yard);
  await expectAllDone(yard.database);
  await connections.close();
});

test('when it breaks as a batch is committed, the batch is there once and whole', async () => {
  await using yard = await openYard();
  await using proxy = await openCutProxy(yard.database.url);
  const connections = await openDatabase({ url: proxy.url, log: testLog, poolSize: 2, lanes: 2 });
  const shaky = await yard.another(connections);
  await yard.addNode({ models: ['cut'] });
  const userId = await yard.addUser();
  await shaky.queue.ensure('TEXT_TO_IMAGE', 'cut');
  // The commits of the look for a replay, of the admission, and of the batch itself.
  for (const nth of [1, 2, 3]) {
    const { ids, ...batch } = graph(userId, [[], [0], [0, 1]], {
      model: 'cut',
      idempotencyKey: `batch${nth}`,
    });
    const cut = proxy.cutCommit(nth);
    const { batchId, existing } = await shaky.tasks.submitBatch(batch, 'VIP');
    await cut;
    expect(existing).toBe(false);
    expect(await yard.tasks.submitBatch(batch, 'VIP')).toEqual({ batchId, existing: true });
    await expectInvariants(yard.database);
    expect(await runAll(yard)).toEqual(ids);
  }
  await expectAllDone(yard.database);
  await connections.close();
});
