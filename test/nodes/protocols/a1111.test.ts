import { describe, expect, it } from 'vitest';
import { createSimulator, type SimulatorOptions } from '../../../simulator/index.ts';
import type { MadeFile } from '../../../src/nodes/protocols/index.ts';
import { protocols } from '../../../src/nodes/protocols/index.ts';
import { clientOf, faultOf, openSimulated, perform, type Report } from './calls.ts';
import { nodeAnswering, startNode } from './node.ts';

const protocol = protocols.A1111;
const { signal } = new AbortController();

const open = (options: Partial<SimulatorOptions> = {}) =>
  openSimulated({ protocol: 'A1111', side: 64, ...options });

describe('a1111 pictures', () => {
  it('sends what the caller gave, one picture after the other, and leaves nothing on the server', async () => {
    await using place = await open({ models: ['sd-xl'] });
    const input = {
      width: 96,
      height: 64,
      steps: 8,
      guidanceScale: 3.5,
      seed: 11,
      negativePrompt: 'blurry',
      count: 2,
    };
    const made = await perform(protocol, 'TEXT_TO_IMAGE', {
      ...place,
      input,
      model: 'sd-xl',
      attemptId: 'mine',
    });
    expect(made).toMatchObject({ seed: 11, images: [{ mimeType: 'image/png' }, {}] });
    expect(Buffer.from(made.images[0]?.bytes ?? []).includes('parameters')).toBe(false);
    expect(place.simulator.history[0]?.input).toEqual({
      prompt: 'a lighthouse at dawn',
      negative_prompt: 'blurry',
      width: 96,
      height: 64,
      steps: 8,
      cfg_scale: 3.5,
      seed: 11,
      n_iter: 2,
      batch_size: 1,
      send_images: true,
      save_images: false,
      override_settings: { sd_model_checkpoint: 'sd-xl' },
      override_settings_restore_afterwards: false,
      force_task_id: 'mine',
    });
  });

  it('tells a caller who gave no seed one with which the picture can be asked for again', async () => {
    await using place = await open();
    const drawn = await perform(protocol, 'TEXT_TO_IMAGE', place);
    expect(drawn.seed).toBeLessThan(2 ** 31);
    const again = { ...place, input: { seed: drawn.seed } };
    expect(await perform(protocol, 'TEXT_TO_IMAGE', again)).toEqual(drawn);
  });

  it('leaves out the grid that some servers put first', async () => {
    await using simulator = await createSimulator({ protocol: 'A1111', side: 64 });
    await using direct = clientOf(simulator.url);
    const answer = await direct.request({
      method: 'POST',
      path: '/sdapi/v1/txt2img',
      body: '{"n_iter":2}',
      signal,
    });
    const { images } = answer.json() as { images: string[] };
    await using server = await startNode((path, response) => {
      const made = { images: ['a grid', ...images], info: '{"index_of_first_image":1}' };
      // It tells nothing else, as some that only speak like it don't.
      if (path === '/sdapi/v1/txt2img') response.end(JSON.stringify(made));
      else response.writeHead(404).end('{"detail":"Not Found"}');
    });
    await using node = clientOf(server.url);
    expect((await perform(protocol, 'TEXT_TO_IMAGE', { node })).images).toHaveLength(2);
  });

  it('does not take a picture of another checkpoint for the one that was asked for', async () => {
    await using place = await open({ models: ['anime', 'photo'] });
    const fault = await faultOf(perform(protocol, 'TEXT_TO_IMAGE', { ...place, model: 'cartoon' }));
    expect(fault).toMatchObject({
      side: 'node',
      message: 'the node failed: it drew with the checkpoint anime',
    });
    await perform(protocol, 'TEXT_TO_IMAGE', { ...place, model: 'photo.safetensors [70686f74]' });
  });

  it('tells of progress that never falls, and shows what it has so far', async () => {
    await using place = await open({ pausesAt: 3 });
    const reports: Report[] = [];
    const previews: MadeFile[] = [];
    const drawing = perform(protocol, 'TEXT_TO_IMAGE', { ...place, reports, previews, input: { steps: 10 } });
    await expect.poll(() => previews.length).toBe(1);
    place.simulator.set({ pausesAt: 7 });
    await expect.poll(() => previews.length).toBe(2);
    place.simulator.set({ pausesAt: null });
    await drawing;
    const values = reports.map(({ value }) => value ?? -1);
    expect(values).toEqual(expect.arrayContaining([0.3, 0.7]));
    expect(values).toEqual([...values].sort((a, b) => a - b));
    expect(values.every((value) => value >= 0 && value <= 1)).toBe(true);
    expect(previews[0]).toMatchObject({ mimeType: 'image/jpeg' });
  });

  it('gives the reason of an error as the server has it', async () => {
    const body = { error: 'HTTPException', detail: 'Sampler not found', body: '', errors: '' };
    await using server = await nodeAnswering(body, 400);
    await using node = clientOf(server.url);
    expect((await faultOf(perform(protocol, 'TEXT_TO_IMAGE', { node }))).message).toBe(
      'the node refused the task (400): Sampler not found',
    );
  });
});

describe('a1111 cancel', () => {
  const stop = (place: { node: ReturnType<typeof clientOf> }, attemptId: string) =>
    protocol.cancel?.({ node: place.node, attemptId, handle: null, signal }) ?? Promise.resolve(false);

  it('interrupts its own job, and never that of somebody else', async () => {
    await using place = await open({ pausesAt: 0 });
    const theirs = perform(protocol, 'TEXT_TO_IMAGE', { ...place, attemptId: 'theirs', input: { steps: 4 } });
    await place.simulator.received(1);
    const ours = faultOf(perform(protocol, 'TEXT_TO_IMAGE', { ...place, attemptId: 'ours' }));
    await place.simulator.received(2);
    expect(await faultOf(stop(place, 'ours'))).toMatchObject({
      message: 'the node has not begun with the task',
    });
    // All of theirs, and no more than as much of ours.
    place.simulator.set({ pausesAt: 4 });
    expect((await theirs).images).toHaveLength(1);
    await expect.poll(() => place.simulator.history[1]?.startedAt).not.toBeNull();
    expect(await stop(place, 'ours')).toBe(true);
    // What was half drawn is not taken for a picture.
    expect((await ours).message).toBe('the node failed: somebody interrupted it');
    expect(place.simulator.history.map(({ outcome }) => outcome)).toEqual(['answered', 'stopped']);
    expect(await stop(place, 'ours')).toBe(true);
  });

  it('survives that somebody else interrupts it', async () => {
    await using place = await open({ pausesAt: 0 });
    const ours = faultOf(perform(protocol, 'TEXT_TO_IMAGE', place));
    await expect.poll(() => place.simulator.history[0]?.startedAt).toBeTruthy();
    await place.node.request({ method: 'POST', path: '/sdapi/v1/interrupt', signal });
    expect(await ours).toMatchObject({ side: 'node', code: 'NODE_ERROR' });
  });

  it.each([
    ['ours', 1],
    ['theirs', 0],
    [null, 0],
  ])('without a page on tasks looks at the one that runs: %s', async (current, interrupts) => {
    await using server = await startNode((path, response) => {
      if (path === '/internal/progress') return void response.writeHead(404).end('{"detail":"Not Found"}');
      response.end(JSON.stringify({ progress: 0.4, state: { job_count: 1 }, current_task: current }));
    });
    await using node = clientOf(server.url);
    if (interrupts === 1) expect(await stop({ node }, 'ours')).toBe(true);
    else await faultOf(stop({ node }, 'ours'));
    expect(server.asked.filter(({ path }) => path === '/sdapi/v1/interrupt')).toHaveLength(interrupts);
  });
});

describe('a1111 readiness', () => {
  it('tells which checkpoints there are, which is loaded, and whether it works', async () => {
    await using place = await open({ models: ['anime', 'photo'], pausesAt: 0 });
    const before = await protocol.ready(place.node, signal);
    expect(before).toMatchObject({ ready: true, idle: true });
    expect(before.models).toEqual(expect.arrayContaining(['anime', 'photo', 'photo.safetensors [70686f74]']));
    expect(before.loadedModels).toContain('anime');
    const call = perform(protocol, 'TEXT_TO_IMAGE', { ...place, model: 'photo' });
    await expect.poll(() => place.simulator.history[0]?.startedAt).toBeTruthy();
    expect(await protocol.ready(place.node, signal)).toMatchObject({ ready: true, idle: false });
    place.simulator.set({ pausesAt: null });
    await call;
    const after = await protocol.ready(place.node, signal);
    expect(after.loadedModels).toContain('photo');
    expect(after.loadedModels).not.toContain('anime');
  });
});
