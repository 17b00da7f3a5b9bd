import { describe, expect, test, vi } from 'vitest';
import { drawPicture } from '../../simulator/index.ts';
import { startNode } from '../nodes/protocols/node.ts';
import { openWorkers, type WorkersYard } from './support.ts';

const token = 'id:key';

const outcomes = async (yard: WorkersYard, taskId: string): Promise<unknown[]> =>
  (await yard.attempts(taskId)).map((attempt) => ('outcome' in attempt ? attempt.outcome : null));

/** Resolves when the task's job is known to its node. */
async function kept(yard: WorkersYard, taskId: string): Promise<void> {
  const isKept = async () =>
    expect(await yard.database.prisma.remoteJob.findMany({ where: { taskId } })).toMatchObject([
      { handle: expect.any(String) },
    ]);
  await vi.waitFor(isKept, { timeout: 10_000 });
}

describe.concurrent('a job that a node does by itself', { timeout: 60_000 }, () => {
  test('a worker that is stopped hands its job on: the next attempt waits for it on that very node', async () => {
    await using yard = await openWorkers();
    const node = await yard.simulate({ protocol: 'TENCENT_AI3D', token, pausesAt: 0 });
    const worker = await yard.worker();
    const taskId = await yard.submitModel();
    await kept(yard, taskId);
    // Free, and offering the same.
    const other = await yard.simulate({ protocol: 'TENCENT_AI3D', token });
    await worker.drain(0);
    await yard.worker(await yard.another());
    node.set({ pausesAt: null });
    await yard.until(taskId, { status: 'SUCCEEDED', nodeId: node.nodeId });
    expect(await outcomes(yard, taskId)).toEqual(['WORKER_LOST', 'SUCCEEDED']);
    expect([node.history.length, other.history.length]).toEqual([1, 0]);
    // What was seen of it says nothing about how long it takes.
    expect(await yard.database.prisma.runEstimate.count()).toBe(0);
  });

  test('whoever takes up a job need not have its input any more', async () => {
    await using yard = await openWorkers({ allowHosts: ['127.0.0.1'] });
    await using files = await startNode((_, response) => {
      response
        .writeHead(isGone ? 410 : 200, { 'content-type': 'image/png' })
        .end(isGone ? undefined : picture);
    });
    const picture = await drawPicture({ prompt: 'a clay pot', seed: 3, width: 64, height: 64 });
    let isGone = false;
    const node = await yard.simulate({ protocol: 'TENCENT_AI3D', token, pausesAt: 0 });
    const worker = await yard.worker();
    const input = { image: { url: files.url }, format: 'GLB' };
    const taskId = await yard.submitModel({ input, artifactIds: [] });
    await kept(yard, taskId);
    isGone = true;
    await worker.drain(0);
    await yard.worker(await yard.another());
    node.set({ pausesAt: null });
    await yard.until(taskId, { status: 'SUCCEEDED', attempt: 2 });
    expect(node.history).toHaveLength(1);
    const late = await yard.submitModel({ input, artifactIds: [], maxAttempts: 1 });
    await yard.until(late, { status: 'FAILED' });
  });

  test('a worker that is stopped in the middle of a submission hears whether it was taken', async () => {
    await using yard = await openWorkers();
    const node = await yard.simulate({ protocol: 'TENCENT_AI3D', token, acceptsAfterMs: 300, pausesAt: 0 });
    const worker = await yard.worker();
    const taskId = await yard.submitModel();
    await node.received(1);
    await worker.drain(0);
    await yard.worker(await yard.another());
    node.set({ pausesAt: null });
    await yard.until(taskId, { status: 'SUCCEEDED', attempt: 2 });
    expect(node.history).toHaveLength(1);
  });

  test('a provider that has no room is left alone for half a minute, and no try is spent', async () => {
    await using yard = await openWorkers();
    const full = await yard.simulate({ protocol: 'TENCENT_AI3D', token });
    full.failNext({ type: 'full' });
    await yard.worker();
    const taskId = await yard.submitModel({ maxAttempts: 1 });
    await yard.until(taskId, { status: 'QUEUED', attempt: 1, attemptBase: 1 });
    const [slot] = await yard.sql<{ seconds: number }>(
      'SELECT extract(epoch FROM held_until - now())::float8 AS seconds FROM slot',
    );
    expect(slot?.seconds).toBeGreaterThan(25);
    expect(await yard.database.prisma.remoteJob.count()).toBe(0);
    await yard.simulate({ protocol: 'TENCENT_AI3D', token });
    await yard.until(taskId, { status: 'SUCCEEDED', attempt: 2 });
  });

  test('a job that the provider failed at is submitted anew', async () => {
    await using yard = await openWorkers();
    const node = await yard.simulate({ protocol: 'TENCENT_AI3D', token });
    node.failNext({ type: 'fail' });
    await yard.worker();
    const taskId = await yard.submitModel();
    await yard.until(taskId, { status: 'SUCCEEDED', attempt: 2 });
    expect(node.history).toHaveLength(2);
  });

  test('a submission that was cut off may have been taken: the task fails rather than pay twice', async () => {
    await using yard = await openWorkers();
    const node = await yard.simulate({ protocol: 'TENCENT_AI3D', token });
    node.failNext({ type: 'cut-short' });
    await yard.worker();
    const taskId = await yard.submitModel();
    await yard.until(taskId, { status: 'FAILED', attempt: 1 });
    const { error } = await yard.database.prisma.taskData.findUniqueOrThrow({ where: { taskId } });
    expect(error).toMatchObject({
      code: 'BAD_NODE_ANSWER',
      message:
        "the node's answer was cut short; the job may have been submitted to the node all the same: " +
        'retryTask submits it, and pays for it, again',
      retryable: false,
    });
  });

  test('a job that never ends has the time of one attempt, and is sent once more', async () => {
    await using yard = await openWorkers();
    const node = await yard.simulate({ protocol: 'HUNYUAN3D', nodeSlots: 2 });
    node.failNext({ type: 'fail' });
    await yard.worker();
    // So long that each attempt has asked by then, also on a busy machine.
    const taskId = await yard.submitModel({ timeoutMs: 2_500 });
    await yard.until(taskId, { status: 'SUCCEEDED', attempt: 2 });
    expect(await outcomes(yard, taskId)).toEqual(['TIMED_OUT', 'SUCCEEDED']);
    expect(node.history).toHaveLength(2);
  });

  test('jobs that end with their server are sent to another one when it dies', async () => {
    await using yard = await openWorkers();
    const dying = await yard.simulate({ protocol: 'HUNYUAN3D', pausesAt: 0 });
    await yard.worker();
    const taskId = await yard.submitModel();
    await kept(yard, taskId);
    const other = await yard.simulate({ protocol: 'HUNYUAN3D' });
    await dying.refuseConnections();
    await yard.until(taskId, { status: 'SUCCEEDED', nodeId: other.nodeId });
    expect(await outcomes(yard, taskId)).toEqual(['NODE_LOST', 'SUCCEEDED']);
  });
});
