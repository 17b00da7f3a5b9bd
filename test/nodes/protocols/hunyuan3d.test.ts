import { describe, expect, test } from 'vitest';
import { createSimulator, drawPicture } from '../../../simulator/index.ts';
import { drawModel } from '../../../simulator/relief.ts';
import { hunyuan3d } from '../../../src/nodes/protocols/hunyuan3d.ts';
import { clientOf, faultOf, mediaOf, perform, type Report, remoteJob } from './calls.ts';
import { nodeAnswering, startNode } from './node.ts';

const picture = await drawPicture({ prompt: 'a vase', seed: 1, width: 32, height: 32 });
const glb = await drawModel('glb', { picture, seed: 1, texture: true });
const base64 = glb.toString('base64');
const KIND = 'IMAGE_TO_3D';

const types = ({ files }: { files: readonly { mimeType: string }[] }) =>
  files.map(({ mimeType }) => mimeType);

/** Answers the status that `statuses` has next, and its last one from then on. */
function serverTelling(...statuses: object[]) {
  return startNode((path, response) => {
    const next = () => (statuses.length > 1 ? statuses.shift() : statuses[0]);
    const body = path.startsWith('/status/') ? next() : { uid: 'uid-1' };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
}

describe('a model', () => {
  test('is sent for with the picture, and asked for by the name of its job', async () => {
    await using node = await serverTelling({ status: 'completed', model_base64: base64 });
    await using client = clientOf(node.url);
    const remote = remoteJob();
    const made = await perform(hunyuan3d, KIND, { node: client, input: { seed: 9 }, remote });
    expect(made.files).toEqual([{ bytes: glb, mimeType: 'model/gltf-binary' }]);
    expect(remote.record).toEqual(['keep uid-1']);
    expect(node.asked.map(({ path }) => path)).toEqual(['/send', '/status/uid-1']);
    const { image, ...sent } = JSON.parse(String(node.asked[0]?.body));
    expect(sent).toEqual({ texture: true, seed: 9, type: 'glb' });
    expect(Buffer.from(image, 'base64').toString('latin1', 1, 4)).toBe('PNG');
  });

  test('is not taken before it has been written to its end', async () => {
    const part = glb.subarray(0, 1_000).toString('base64');
    await using node = await serverTelling(
      { status: 'processing' },
      { status: 'texturing' },
      { status: 'completed', model_base64: part },
      { status: 'completed', model_base64: base64, initial_model_base64: base64 },
    );
    await using client = clientOf(node.url);
    const reports: Report[] = [];
    const made = await perform(hunyuan3d, KIND, { node: client, reports });
    expect(made.files[0]?.bytes).toEqual(glb);
    expect(reports).toEqual([
      { value: null, message: 'processing' },
      { value: null, message: 'texturing' },
    ]);
  });

  test('of another format is the answer to one long call', async () => {
    await using simulator = await createSimulator({ protocol: 'HUNYUAN3D' });
    await using node = clientOf(simulator.url);
    expect(types(await perform(hunyuan3d, KIND, { node, input: { format: 'STL' } }))).toEqual(['model/stl']);
    expect(types(await perform(hunyuan3d, KIND, { node, input: { format: 'OBJ', texture: false } }))).toEqual(
      ['model/obj', 'application/zip'],
    );
    expect(simulator.history.map(({ route }) => route)).toEqual(['POST /generate', 'POST /generate']);
  });

  test('that is none is refused, and its job forgotten', async () => {
    await using node = await serverTelling({ status: 'completed', model_base64: 'bm8gbW9kZWw=' });
    await using client = clientOf(node.url);
    const remote = remoteJob();
    const fault = await faultOf(perform(hunyuan3d, KIND, { node: client, remote }));
    expect(fault).toMatchObject({ code: 'BAD_NODE_ANSWER', message: "the node's answer is no model" });
    expect(remote.record).toEqual(['keep uid-1', 'forget']);
  });

  test('is not asked for with a file that is no picture', async () => {
    await using node = await nodeAnswering({});
    await using client = clientOf(node.url);
    const media = [mediaOf(new Uint8Array(8))];
    expect(await faultOf(perform(hunyuan3d, KIND, { node: client, media }))).toMatchObject({
      side: 'task',
      message: 'the node refused the task: the file is no picture but audio/wav',
    });
    expect(node.asked).toEqual([]);
  });
});

describe('a job that an earlier attempt sent', () => {
  test('is asked for, and not sent again', async () => {
    await using node = await serverTelling(
      { status: 'processing' },
      { status: 'completed', model_base64: base64 },
    );
    await using client = clientOf(node.url);
    await perform(hunyuan3d, KIND, { node: client, remote: remoteJob({ handle: 'old' }) });
    expect(node.asked.map(({ path }) => path)).toEqual(['/status/old', '/status/old']);
  });

  test('is looked at once more when its time is over, and then sent anew: unknown ones are never done', async () => {
    await using node = await serverTelling(
      { status: 'processing' },
      { status: 'completed', model_base64: base64 },
    );
    await using client = clientOf(node.url);
    const remote = remoteJob({ handle: 'old', isOverdue: true });
    await perform(hunyuan3d, KIND, { node: client, remote });
    expect(node.asked.map(({ path }) => path)).toEqual(['/status/old', '/send', '/status/uid-1']);
    expect(remote.record).toEqual(['forget', 'keep uid-1']);
  });
});

test('its own failures are 404s: the fault of the node, in its own words', async () => {
  const text = '**NETWORK ERROR DUE TO HIGH TRAFFIC. PLEASE REGENERATE OR REFRESH THIS PAGE.**';
  await using node = await nodeAnswering({ text, error_code: 1 }, 404);
  await using client = clientOf(node.url);
  expect(await faultOf(perform(hunyuan3d, KIND, { node: client }))).toMatchObject({
    side: 'node',
    code: 'NODE_ERROR',
    message: `the node failed: ${text}`,
  });
});

test('older builds are ready when their documentation is there', async () => {
  await using node = await startNode((path, response) => {
    response.writeHead(path === '/docs' ? 200 : 404, { 'content-type': 'text/html' }).end('<html>');
  });
  await using client = clientOf(node.url);
  expect(await hunyuan3d.ready(client, AbortSignal.timeout(5_000))).toEqual({ ready: true });
});

test('a server that works may be deaf: it is not ready in time, and its work comes to its end', async () => {
  await using simulator = await createSimulator({ protocol: 'HUNYUAN3D', pausesAt: 0 });
  await using node = clientOf(simulator.url);
  const call = perform(hunyuan3d, KIND, { node, input: { format: 'STL' } });
  await expect.poll(() => simulator.history[0]?.startedAt).toBeTruthy();
  expect(await hunyuan3d.ready(node, AbortSignal.timeout(100))).toEqual({
    ready: false,
    detail: 'no answer in time',
  });
  simulator.set({ pausesAt: null });
  expect(types(await call)).toEqual(['model/stl']);
  expect(await hunyuan3d.ready(node, AbortSignal.timeout(5_000))).toEqual({ ready: true });
});
