import { rm, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { openStorage } from '../../src/artifacts/index.ts';
import { startTestS3 } from '../artifacts/s3-server.ts';
import { startNode } from '../nodes/protocols/node.ts';
import { freePort } from '../support/free-port.ts';
import { openWorkers } from './support.ts';

describe('what goes wrong at a node', () => {
  test('by the task itself fails it at once', async () => {
    await using yard = await openWorkers();
    const node = await yard.simulate();
    node.failNext({ type: 'status', status: 400 });
    await yard.worker();
    const taskId = await yard.submit();
    await yard.until(taskId, { status: 'FAILED', attempt: 1 });
    const { error } = await yard.database.prisma.taskData.findUniqueOrThrow({ where: { taskId } });
    expect(error).toMatchObject({ code: 'NODE_REJECTED', retryable: false, attempt: 1 });
  });

  test('by a full node costs no try', async () => {
    await using yard = await openWorkers();
    const node = await yard.simulate();
    node.failNext({ type: 'full' });
    await yard.worker();
    const taskId = await yard.submit({ maxAttempts: 1 });
    await yard.until(taskId, { status: 'SUCCEEDED', attempt: 2 });
  });

  test('by an error of the node costs a try, and another one may do', async () => {
    await using yard = await openWorkers();
    const node = await yard.simulate();
    node.failNext({ type: 'fail' });
    await yard.worker();
    const taskId = await yard.submit({ maxAttempts: 2 });
    await yard.until(taskId, { status: 'SUCCEEDED', attempt: 2 });
    expect(await yard.attempts(taskId)).toMatchObject([
      { outcome: 'FAILED', error: { code: 'NODE_ERROR', retryable: true } },
      { outcome: 'SUCCEEDED' },
    ]);
  });

  test('by nonsense for an answer is the node’s fault', async () => {
    await using yard = await openWorkers();
    const node = await yard.simulate();
    node.failNext({ type: 'wrong-content' });
    await yard.worker();
    const taskId = await yard.submit({ maxAttempts: 1 });
    await yard.until(taskId, { status: 'FAILED' });
    expect(await yard.attempts(taskId)).toMatchObject([{ error: { code: 'BAD_NODE_ANSWER' } }]);
  });

  test('by more than a row can bear ends the attempt, and holds up nobody', async () => {
    await using yard = await openWorkers();
    await using node = await startNode((path, response) => {
      response.setHeader('content-type', 'application/json');
      response.end(path === '/run' ? JSON.stringify({ text: 'x'.repeat(17 * 1024 * 1024) }) : '{}');
    });
    const offers = [{ kind: 'CUSTOM', models: ['prolix'] }];
    const { id } = await yard.nodes.register({
      name: 'n',
      url: node.url,
      protocol: 'JSON',
      slots: 1,
      offers,
    });
    await yard.database.prisma.gpuNode.update({ where: { id }, data: { healthy: true } });
    await yard.worker();
    const input = { type: 'prolix', payload: {} };
    const taskId = await yard.submit({ kind: 'CUSTOM', model: 'prolix', input, maxAttempts: 1 });
    await yard.until(taskId, { status: 'FAILED' });
    expect(await yard.attempts(taskId)).toMatchObject([
      { error: { code: 'BAD_NODE_ANSWER', message: expect.stringContaining('must be a file') } },
    ]);
  });

  test('by a connection that breaks in the middle costs a try', async () => {
    await using yard = await openWorkers();
    const node = await yard.simulate();
    node.failNext({ type: 'reset' });
    await yard.worker();
    const taskId = await yard.submit({ maxAttempts: 2 });
    await yard.until(taskId, { status: 'SUCCEEDED' });
    expect(await yard.attempts(taskId)).toMatchObject([{ outcome: 'NODE_LOST' }, { outcome: 'SUCCEEDED' }]);
  });

  test('by a node that is down costs no try, and another node does it', async () => {
    await using yard = await openWorkers({ config: { routingStrategy: 'round-robin' } });
    const down = await yard.simulate();
    await down.refuseConnections();
    await yard.worker();
    const taskId = await yard.submit({ maxAttempts: 1 });
    await expect.poll(() => yard.attempts(taskId)).not.toEqual([]);
    const up = await yard.simulate();
    await yard.until(taskId, { status: 'SUCCEEDED', nodeId: up.nodeId });
  });

  test('a file that cannot be had fails the task, and never reaches a node', async () => {
    await using yard = await openWorkers();
    const node = await yard.simulate({ protocol: 'FAST_WHISPER' });
    await yard.worker();
    const input = { audio: { artifactId: crypto.randomUUID() }, timestamps: false };
    const taskId = await yard.submit({ kind: 'SPEECH_TO_TEXT', model: 'ear', input, maxAttempts: 1 });
    await yard.until(taskId, { status: 'FAILED' });
    expect(await yard.attempts(taskId)).toMatchObject([{ error: { code: 'INPUT_UNAVAILABLE' } }]);
    expect(node.history).toEqual([]);
  });
});

describe('what goes wrong here', () => {
  test('when a result is to be stored is said to be so', async () => {
    await using yard = await openWorkers();
    await yard.simulate();
    await yard.worker();
    await rm(yard.folder, { recursive: true });
    await writeFile(yard.folder, 'no folder');
    const taskId = await yard.submit({ maxAttempts: 1 });
    await yard.until(taskId, { status: 'FAILED' });
    expect(await yard.attempts(taskId)).toMatchObject([
      { outcome: 'FAILED', error: { code: 'STORAGE_ERROR', message: expect.stringContaining('stored') } },
    ]);
    await yard.untilFree();
  });

  test('as a store of files that is away for a while, costs no attempt and no result', async () => {
    const port = await freePort();
    const storage = await openStorage({
      ...{ type: 's3', bucket: 'switchyard', prefix: '', endpoint: `http://127.0.0.1:${port}` },
      ...{ publicEndpoint: null, region: 'us-east-1', pathStyle: true },
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    });
    await using yard = await openWorkers({ storage });
    const node = await yard.simulate();
    await yard.worker();
    const taskId = await yard.submit({ maxAttempts: 1 });
    const call = await node.received(1);
    await call.ended;
    await yard.untilFree();
    await using _s3 = await startTestS3(port);
    await yard.until(taskId, { status: 'SUCCEEDED', attempt: 1 });
    expect(node.history).toHaveLength(1);
    storage.close();
  });

  test('and was foreseen by nobody is told without its particulars', async () => {
    await using yard = await openWorkers();
    const node = await yard.simulate();
    const taskId = await yard.submit({ maxAttempts: 1 });
    await yard.sql(`UPDATE task_data SET input = '{"prompt": 7}' WHERE task_id = $1`, [taskId]);
    await yard.worker();
    await yard.until(taskId, { status: 'FAILED' });
    expect(await yard.attempts(taskId)).toMatchObject([
      { error: { code: 'INTERNAL_ERROR', message: expect.not.stringContaining('prompt') } },
    ]);
    expect(node.history).toEqual([]);
  });
});

describe('a call that takes longer than its timeout', () => {
  test('is ended where hanging up stops the node', async () => {
    await using yard = await openWorkers();
    const node = await yard.simulate({ protocol: 'WHISPER_CPP' });
    node.failNext({ type: 'hang' });
    await yard.worker();
    const taskId = await yard.submitSpeech({ timeoutMs: 300, maxAttempts: 1 });
    await yard.until(taskId, { status: 'FAILED' });
    expect(await yard.attempts(taskId)).toMatchObject([
      { outcome: 'TIMED_OUT', error: { code: 'TIMED_OUT' } },
    ]);
    await yard.untilFree();
    await expect.poll(() => node.inFlight).toBe(0);
  });

  test('holds its slot until the node answers where nothing stops it', async () => {
    await using yard = await openWorkers();
    const node = await yard.simulate({ protocol: 'QWEN_IMAGE_GGUF', pausesAt: 0 });
    await yard.worker();
    // So long that the node has been called by then, also by a busy machine.
    const taskId = await yard.submit({ timeoutMs: 2_500, maxAttempts: 1 });
    await node.received(1);
    await yard.until(taskId, { status: 'FAILED' });
    expect(await yard.attempts(taskId)).toMatchObject([{ outcome: 'TIMED_OUT' }]);
    expect(await yard.busySlots()).toBe(1);
    const next = await yard.submit();
    node.set({ pausesAt: null });
    await yard.until(next, { status: 'SUCCEEDED' });
    await yard.untilFree();
    expect(Math.max(...node.history.map((call) => call.inFlight))).toBe(1);
  });
});
