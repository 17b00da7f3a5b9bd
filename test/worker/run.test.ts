import { describe, expect, test } from 'vitest';
import type { Simulator } from '../../simulator/index.ts';
import { openWorkers } from './support.ts';

describe('a task', () => {
  test('is drawn by a node, and its pictures are stored', async () => {
    await using yard = await openWorkers();
    const node = await yard.simulate();
    await yard.worker();
    const taskId = await yard.submit();
    await yard.until(taskId, { status: 'SUCCEEDED', attempt: 1, nodeId: node.nodeId });
    const data = await yard.database.prisma.taskData.findUniqueOrThrow({ where: { taskId } });
    const { images } = data.result as { images: string[] };
    expect(await yard.artifacts.find(images)).toMatchObject([{ mimeType: 'image/png', userId: yard.userId }]);
    const links = await yard.database.prisma.taskArtifact.findMany({ where: { taskId } });
    expect(links).toMatchObject([{ artifactId: images[0], isOutput: true }]);
    expect(await yard.attempts(taskId)).toMatchObject([{ outcome: 'SUCCEEDED', nodeId: node.nodeId }]);
    expect(await yard.busySlots()).toBe(0);
  });

  test('is transcribed from a file that was uploaded', async () => {
    await using yard = await openWorkers();
    const node = await yard.simulate({ protocol: 'FAST_WHISPER' });
    await yard.worker();
    const taskId = await yard.submitSpeech();
    await yard.until(taskId, { status: 'SUCCEEDED', nodeId: node.nodeId });
  });

  test('teaches how fast its node is', async () => {
    await using yard = await openWorkers();
    const { nodeId } = await yard.simulate({ latencyMs: 100 });
    await yard.worker();
    const taskId = await yard.submit();
    await yard.until(taskId, { status: 'SUCCEEDED' });
    const { cost } = await yard.task(taskId);
    const speeds = () => yard.nodes.speeds();
    await expect.poll(speeds).toMatchObject([{ nodeId, kind: 'TEXT_TO_IMAGE', model: 'fox', samples: 1 }]);
    const [speed] = await speeds();
    expect((speed?.secondsPerUnit ?? 0) * cost).toBeGreaterThanOrEqual(0.1);
  });
});

/** The most calls that the node ever had at once. */
const mostAtOnce = ({ history }: Simulator): number => Math.max(...history.map((call) => call.inFlight));

test('no node gets more at once than it has slots, and all slots are used', async () => {
  await using yard = await openWorkers();
  const one = await yard.simulate({ nodeSlots: 2, pausesAt: 0 });
  const two = await yard.simulate({ nodeSlots: 3, pausesAt: 0 });
  await Promise.all([yard.worker(), yard.worker(await yard.another())]);
  const taskIds = await Promise.all(Array.from({ length: 30 }, () => yard.submit()));
  await Promise.all([one.received(2), two.received(3)]);
  for (const node of [one, two]) node.set({ pausesAt: null, latencyMs: 20 });
  for (const taskId of taskIds) await yard.until(taskId, { status: 'SUCCEEDED' });
  expect([mostAtOnce(one), mostAtOnce(two)]).toEqual([2, 3]);
  expect(one.history.length + two.history.length).toBe(30);
});

test('a worker takes on no more than its concurrency', async () => {
  await using yard = await openWorkers();
  const node = await yard.simulate({ nodeSlots: 8, pausesAt: 0 });
  await yard.worker(yard, { concurrency: 2 });
  const taskIds = await Promise.all(Array.from({ length: 8 }, () => yard.submit()));
  await node.received(2);
  node.set({ pausesAt: null, latencyMs: 50 });
  for (const taskId of taskIds) await yard.until(taskId, { status: 'SUCCEEDED' });
  expect(mostAtOnce(node)).toBe(2);
});

test('a worker takes on no more of a kind than it may, and others beside it', async () => {
  await using yard = await openWorkers();
  const pictures = await yard.simulate({ protocol: 'QWEN_IMAGE_GGUF', nodeSlots: 8, pausesAt: 0 });
  const speech = await yard.simulate({ protocol: 'FAST_WHISPER', nodeSlots: 3, pausesAt: 0 });
  const taskIds = await Promise.all([
    ...Array.from({ length: 8 }, () => yard.submit()),
    ...Array.from({ length: 3 }, () => yard.submitSpeech()),
  ]);
  await yard.worker(yard, { kindConcurrency: { TEXT_TO_IMAGE: 2 } });
  await Promise.all([pictures.received(2), speech.received(3)]);
  for (const node of [pictures, speech]) node.set({ pausesAt: null, latencyMs: 50 });
  for (const taskId of taskIds) await yard.until(taskId, { status: 'SUCCEEDED' });
  expect([mostAtOnce(pictures), mostAtOnce(speech)]).toEqual([2, 3]);
});
