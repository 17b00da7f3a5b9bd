import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { SimulatorOptions } from '../../../simulator/index.ts';
import { protocols } from '../../../src/nodes/protocols/index.ts';
import { clientOf, faultOf, openSimulated, perform, type Report, remoteJob } from './calls.ts';
import { startNode } from './node.ts';

const protocol = protocols.SD_CPP;
const { signal } = new AbortController();

const open = (options: Partial<SimulatorOptions> = {}) =>
  openSimulated({ protocol: 'SD_CPP', side: 64, ...options });

const png = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
  .png()
  .toBuffer();
const images = [{ index: 0, b64_json: png.toString('base64') }];

/** The id of the job that was kept. */
const kept = ({ record }: ReturnType<typeof remoteJob>) => record[0]?.replace('keep ', '') ?? '';

describe('sd-cpp pictures', () => {
  it('sends what the caller gave and leaves out what not, but always a seed', async () => {
    await using place = await open();
    const input = {
      width: 96,
      height: 64,
      steps: 8,
      guidanceScale: 3.5,
      seed: 11,
      negativePrompt: 'blurry',
      count: 2,
    };
    const made = await perform(protocol, 'TEXT_TO_IMAGE', { ...place, input });
    expect(made).toMatchObject({ seed: 11, images: [{ mimeType: 'image/png' }, {}] });
    const plain = await perform(protocol, 'TEXT_TO_IMAGE', { ...place });
    const inputs = place.simulator.history.map((call) => call.input);
    expect(inputs).toMatchObject([
      {
        negative_prompt: 'blurry',
        width: 96,
        height: 64,
        seed: 11,
        batch_count: 2,
        sample_params: { sample_steps: 8, guidance: { txt_cfg: 3.5 } },
      },
      { prompt: 'a lighthouse at dawn', seed: plain.seed, batch_count: 1, sample_params: {} },
    ]);
    expect(inputs[1]).not.toHaveProperty('width');
  });

  it('takes a picture of another size as it is, without what the server wrote inside', async () => {
    await using place = await open();
    const made = await perform(protocol, 'TEXT_TO_IMAGE', { ...place, input: { width: 100, height: 100 } });
    const bytes = Buffer.from(made.images[0]?.bytes ?? []);
    expect(await sharp(bytes).metadata()).toMatchObject({ width: 104, height: 104 });
    expect(bytes.includes('parameters')).toBe(false);
  });

  it('tells of its place in the queue, and of no progress that it does not know', async () => {
    const told: object[] = [
      { status: 'queued', queue_position: 1 },
      { status: 'generating' },
      { status: 'generating' },
    ];
    await using server = await startNode((path, response) => {
      if (path === '/sdcpp/v1/img_gen') return void response.writeHead(202).end('{"id":"job_1"}');
      response.end(JSON.stringify(told.shift() ?? { status: 'completed', result: { images } }));
    });
    await using node = clientOf(server.url);
    const reports: Report[] = [];
    await perform(protocol, 'TEXT_TO_IMAGE', { node, reports });
    expect(reports).toEqual([
      { value: null, message: "place 1 in the node's queue" },
      { value: null, message: 'generating' },
    ]);
  });
});

describe('sd-cpp jobs', () => {
  it('are found again by the next attempt', async () => {
    await using place = await open({ pausesAt: 0 });
    const remote = remoteJob();
    const stop = new AbortController();
    const lost = perform(protocol, 'TEXT_TO_IMAGE', { ...place, remote, signal: stop.signal });
    const { ended } = await place.simulator.received(1);
    await expect.poll(() => kept(remote)).toMatch(/^job_/);
    stop.abort(new Error('the worker is gone'));
    await expect(lost).rejects.toThrow('the worker is gone');
    place.simulator.set({ pausesAt: null });
    const again = remoteJob({ handle: kept(remote) });
    const made = await perform(protocol, 'TEXT_TO_IMAGE', { ...place, remote: again });
    expect(made.images).toHaveLength(1);
    await ended;
    expect(place.simulator.history).toHaveLength(1);
    expect(again.record).toEqual([]);
  });

  it.each([
    ['expired', { keepsJobsMs: 0 }],
    ['lost with the server', {}],
  ] as const)('are submitted anew where they are %s', async (how, settings) => {
    await using place = await open();
    const remote = remoteJob();
    await perform(protocol, 'TEXT_TO_IMAGE', { ...place, remote });
    const handle = how === 'expired' ? kept(remote) : 'job_of_another_life';
    place.simulator.set(settings);
    const again = remoteJob({ handle });
    const call = perform(protocol, 'TEXT_TO_IMAGE', { ...place, remote: again, input: { prompt: 'again' } });
    if (how === 'expired') await faultOf(call);
    else await call;
    expect(place.simulator.history).toHaveLength(2);
    expect(again.record[0]).toBe('forget');
  });

  it('that should have ended long ago are given up', async () => {
    await using place = await open({ pausesAt: 0, slots: 2 });
    const remote = remoteJob();
    const first = perform(protocol, 'TEXT_TO_IMAGE', { ...place, remote });
    await expect.poll(() => kept(remote)).toMatch(/^job_/);
    const again = remoteJob({ handle: kept(remote), isOverdue: true });
    const second = perform(protocol, 'TEXT_TO_IMAGE', { ...place, remote: again });
    await place.simulator.received(2);
    place.simulator.set({ pausesAt: null });
    await Promise.all([first, second]);
    expect(place.simulator.history).toHaveLength(2);
  });

  it('that fail are forgotten, with the reason that the node gives', async () => {
    await using place = await open();
    place.simulator.failNext({ type: 'fail' });
    const remote = remoteJob();
    const fault = await faultOf(perform(protocol, 'TEXT_TO_IMAGE', { ...place, remote }));
    expect(fault.message).toBe('the node failed: generate_image returned no results');
    expect(remote.record.at(-1)).toBe('forget');
  });

  it('outlive a hiccup of the connection', async () => {
    let polls = 0;
    await using server = await startNode((path, response) => {
      if (path === '/sdcpp/v1/img_gen') return void response.writeHead(202).end('{"id":"job_1"}');
      polls += 1;
      if (polls === 1) return void response.destroy();
      if (polls === 2) return void response.writeHead(502).end('<html>Bad Gateway</html>');
      response.end(JSON.stringify({ id: 'job_1', status: 'completed', result: { images } }));
    });
    await using node = clientOf(server.url);
    expect((await perform(protocol, 'TEXT_TO_IMAGE', { node })).images).toHaveLength(1);
  });
});

describe('sd-cpp cancel', () => {
  it('stops a job that waits, and says so of one that it cannot stop', async () => {
    await using place = await open({ pausesAt: 0 });
    const [working, waiting] = [remoteJob(), remoteJob()];
    const first = perform(protocol, 'TEXT_TO_IMAGE', { ...place, remote: working });
    await expect.poll(() => kept(working)).toMatch(/^job_/);
    const second = faultOf(perform(protocol, 'TEXT_TO_IMAGE', { ...place, remote: waiting }));
    await expect.poll(() => kept(waiting)).toMatch(/^job_/);
    const stop = (handle: string | null) =>
      protocol.cancel?.({ node: place.node, attemptId: '', handle, signal });
    expect(await stop(kept(working))).toBe(false);
    expect(await stop(kept(waiting))).toBe(true);
    expect((await second).message).toBe('the node failed: job cancelled by client');
    place.simulator.set({ pausesAt: null });
    expect((await first).images).toHaveLength(1);
    expect(place.simulator.history.map(({ outcome }) => outcome)).toEqual(['answered', 'stopped']);
    // Nothing is left to stop, or nothing is known to stop.
    expect(await stop(kept(working))).toBe(true);
    expect(await stop('job_unknown')).toBe(true);
    expect(await stop(null)).toBe(false);
  });
});

describe('sd-cpp readiness', () => {
  it('tells which model is loaded', async () => {
    await using place = await open({ models: ['sd-turbo'] });
    expect(await protocol.ready(place.node, signal)).toEqual({ ready: true, loadedModels: ['sd-turbo'] });
  });

  it('is not ready with a model that makes films', async () => {
    await using server = await startNode((_, response) => {
      response.end(JSON.stringify({ model: { stem: 'wan' }, supported_modes: ['vid_gen'] }));
    });
    await using node = clientOf(server.url);
    expect(await protocol.ready(node, signal)).toMatchObject({
      ready: false,
      detail: 'its model makes no pictures',
    });
  });
});

it('is full at the 65th job that waits', async () => {
  await using place = await open({ slots: 0 });
  const body = JSON.stringify({ prompt: 'a fox' });
  for (let n = 0; n < 64; n++) {
    const { status } = await place.node.request({ method: 'POST', path: '/sdcpp/v1/img_gen', body, signal });
    expect(status).toBe(202);
  }
  const fault = await faultOf(perform(protocol, 'TEXT_TO_IMAGE', place));
  expect(fault).toMatchObject({ side: 'busy', message: 'the node is full: job queue is full' });
});
