import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import type { SimulatorOptions } from '../../../simulator/index.ts';
import { jobId } from '../../../src/nodes/protocols/comfyui/job.ts';
import { type MadeFile, protocols } from '../../../src/nodes/protocols/index.ts';
import { clientOf, faultOf, openSimulated, perform, type Report, remoteJob } from './calls.ts';
import { template } from './comfyui-template.ts';
import { startNode } from './node.ts';

const protocol = protocols.COMFYUI;
const { signal } = new AbortController();
const small = { width: 64, height: 64 };

const open = (options: Partial<SimulatorOptions> = {}) => openSimulated({ protocol: 'COMFYUI', ...options });

describe('comfyui progress', () => {
  it('is that of the samplers, with pictures on the way', async () => {
    await using place = await open({ pausesAt: 4 });
    const [reports, previews]: [Report[], MadeFile[]] = [[], []];
    const input = { ...small, steps: 5 };
    const drawing = perform(protocol, 'TEXT_TO_IMAGE', { ...place, reports, previews, input });
    await expect.poll(() => previews.length).toBe(4);
    place.simulator.set({ pausesAt: null });
    await drawing;
    expect(reports.map(({ value }) => value)).toEqual([0.2, 0.4, 0.6, 0.8, 1]);
    expect(reports[0]?.message).toBe('step 1 of 5');
    expect(previews[0]).toMatchObject({ mimeType: 'image/jpeg' });
  });

  it('is given up with the socket, and the job is not', async () => {
    const png = Buffer.from(
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
      'base64',
    );
    let looks = 0;
    await using server = await startNode((path, response) => {
      const id = path.split('/').at(-1) ?? '';
      if (path === '/prompt') return void response.end(JSON.stringify({ prompt_id: 'chosen-by-the-server' }));
      if (path.startsWith('/view')) return void response.end(png);
      if (path === '/queue')
        return void response.end(
          JSON.stringify({ queue_running: [[1, 'chosen-by-the-server']], queue_pending: [] }),
        );
      if (!path.startsWith('/history')) return void response.writeHead(404).end();
      looks += 1;
      const done = {
        outputs: { '9': { images: [{ filename: 'a.png', subfolder: 'b c', type: 'output' }] } },
        status: { status_str: 'success' },
      };
      response.end(JSON.stringify(looks > 3 ? { [id]: done } : {}));
    });
    await using node = clientOf(server.url);
    const made = await perform(protocol, 'TEXT_TO_IMAGE', { node, workflow: template });
    expect(made.images).toHaveLength(1);
    const paths = server.asked.map(({ path }) => path);
    expect(paths).toContain('/view?filename=a.png&subfolder=b+c&type=output');
    expect(paths).toContain('/history/chosen-by-the-server');
  });
});

describe('comfyui jobs', () => {
  it('have ids that only depend on the attempt', () => {
    expect(jobId('a', 0)).toMatch(/^[\da-f]{8}-[\da-f]{4}-8[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    expect(jobId('a', 0)).toBe(jobId('a', 0));
    expect(new Set([jobId('a', 0), jobId('a', 1), jobId('b', 0)]).size).toBe(3);
  });

  it('are named before they are submitted, and found by the next attempt', async () => {
    await using place = await open({ pausesAt: 0 });
    const remote = remoteJob();
    const stop = new AbortController();
    const asked = { ...place, input: small };
    const lost = perform(protocol, 'TEXT_TO_IMAGE', {
      ...asked,
      remote,
      attemptId: 'first',
      signal: stop.signal,
    });
    await place.simulator.received(1);
    expect(remote.record).toEqual(['keep first']);
    stop.abort(new Error('the worker is gone'));
    await expect(lost).rejects.toThrow('the worker is gone');
    place.simulator.set({ pausesAt: null });
    const again = remoteJob({ handle: 'first' });
    const made = await perform(protocol, 'TEXT_TO_IMAGE', { ...asked, remote: again, attemptId: 'second' });
    expect(made.images).toHaveLength(1);
    expect(place.simulator.history).toHaveLength(1);
    expect(again.record).toEqual([]);
  });

  it('are submitted again, under the same name, where the node lost them', async () => {
    await using place = await open();
    const remote = remoteJob({ handle: 'first' });
    await perform(protocol, 'TEXT_TO_IMAGE', { ...place, input: small, remote, attemptId: 'second' });
    expect(place.simulator.history).toHaveLength(1);
  });

  it('are stopped where they should have ended long ago', async () => {
    await using place = await open({ latencyMs: 600_000 });
    const first = faultOf(perform(protocol, 'TEXT_TO_IMAGE', { ...place, input: small, attemptId: 'first' }));
    await expect.poll(() => place.simulator.history[0]?.startedAt).toBeTruthy();
    place.simulator.set({ latencyMs: 0 });
    const remote = remoteJob({ handle: 'first', isOverdue: true });
    await perform(protocol, 'TEXT_TO_IMAGE', { ...place, input: small, remote, attemptId: 'second' });
    expect((await first).message).toBe('the node failed: somebody interrupted it');
    expect(remote.record).toEqual(['keep second']);
  });

  it('that should have ended long ago and cannot be stopped are left to themselves', async () => {
    await using place = await open();
    const remote = remoteJob({ handle: 'unknown', isOverdue: true });
    await perform(protocol, 'TEXT_TO_IMAGE', { ...place, input: small, remote, attemptId: 'second' });
    expect(remote.record).toEqual(['keep second']);
  });

  it('that fail are forgotten, with the reason that the node gives', async () => {
    await using place = await open();
    place.simulator.failNext({ type: 'fail' });
    const remote = remoteJob();
    const fault = await faultOf(perform(protocol, 'TEXT_TO_IMAGE', { ...place, input: small, remote }));
    expect(fault).toMatchObject({
      side: 'node',
      message: 'the node failed: KSampler: torch.OutOfMemoryError: Allocation on device failed',
    });
    expect(remote.record.at(-1)).toBe('forget');
  });

  it('that the node does not accept are the fault of the task, with all that is wrong', async () => {
    await using place = await open({ models: ['anime'] });
    const input = { ...small, steps: 0 };
    const fault = await faultOf(perform(protocol, 'TEXT_TO_IMAGE', { ...place, input, model: 'photo' }));
    expect(fault).toMatchObject({ side: 'task', code: 'NODE_REJECTED' });
    expect(fault.message).toMatch(
      /^the node refused the task \(400\): CheckpointLoaderSimple 1: Value not in list: 'photo'/,
    );
    expect(fault.message).toMatch(/KSampler 5: Value 0 smaller than min of 1: steps/);
  });

  it('that the node no longer knows are its fault', async () => {
    await using server = await startNode((path, response) => {
      const queue = { queue_running: [], queue_pending: [] };
      response.end(
        JSON.stringify(path === '/prompt' ? { prompt_id: 'lost' } : path === '/queue' ? queue : {}),
      );
    });
    await using node = clientOf(server.url);
    const fault = await faultOf(perform(protocol, 'TEXT_TO_IMAGE', { node, workflow: template }));
    expect(fault).toMatchObject({ side: 'node', message: 'the node failed: it no longer knows the job' });
  });
});

describe('comfyui cancel', () => {
  const stop = (node: ReturnType<typeof clientOf>, attemptId: string, handle: string | null = null) =>
    protocol.cancel?.({ node, attemptId, handle, signal }) ?? Promise.resolve(false);

  it('stops its own job, queued or running, and no other', async () => {
    await using place = await open({ pausesAt: 0 });
    const asked = { ...place, input: { ...small, steps: 20 } };
    const theirs = perform(protocol, 'TEXT_TO_IMAGE', { ...asked, attemptId: 'theirs' });
    await place.simulator.received(1);
    const queued = faultOf(perform(protocol, 'TEXT_TO_IMAGE', { ...asked, attemptId: 'queued' }));
    await place.simulator.received(2);
    expect(await faultOf(stop(place.node, 'unknown'))).toMatchObject({ side: 'busy' });
    await expect.poll(() => stop(place.node, 'queued').catch(() => false)).toBe(true);
    expect((await queued).message).toBe('the node failed: it no longer knows the job');
    place.simulator.set({ pausesAt: null });
    expect((await theirs).images).toHaveLength(1);
    place.simulator.set({ pausesAt: 0 });
    const running = faultOf(perform(protocol, 'TEXT_TO_IMAGE', { ...asked, attemptId: 'running' }));
    await expect.poll(() => place.simulator.history[2]?.startedAt).toBeTruthy();
    expect(await stop(place.node, 'a later attempt', 'running')).toBe(true);
    expect((await running).message).toBe('the node failed: somebody interrupted it');
    expect(place.simulator.history.map(({ outcome }) => outcome)).toEqual(['answered', 'stopped', 'stopped']);
    // It has ended: nothing is left to stop.
    expect(await stop(place.node, 'theirs')).toBe(true);
  });

  it.each([
    ['ours', 1],
    ['theirs', 0],
  ])('interrupts an old server only while the job is ours: %s', async (runs, interrupts) => {
    const running = [[1, jobId(runs, 0)]];
    const pending = [[2, jobId('ours', 1)]];
    let wasDeleted = false;
    await using server = await startNode((path, response) => {
      if (path.startsWith('/api/jobs')) return void response.writeHead(405).end();
      if (path === '/queue' && wasDeleted)
        return void response.end(JSON.stringify({ queue_running: running, queue_pending: [] }));
      response.end(
        path === '/queue' ? JSON.stringify({ queue_running: running, queue_pending: pending }) : '{}',
      );
      wasDeleted ||= path === '/queue' && server.asked.at(-1)?.body.length !== 0;
    });
    await using node = clientOf(server.url);
    expect(await stop(node, 'ours')).toBe(true);
    const bodies = (path: string) =>
      server.asked
        .filter((one) => one.path === path)
        .map(({ body }) => `${body}`)
        .filter(Boolean);
    expect(bodies('/interrupt')).toHaveLength(interrupts);
    for (const body of bodies('/interrupt'))
      expect(JSON.parse(body)).toEqual({ prompt_id: jobId('ours', 0) });
    expect(bodies('/queue')).toEqual([JSON.stringify({ delete: [jobId('ours', interrupts === 1 ? 0 : 1)] })]);
  });
});

describe('comfyui events', () => {
  it('of others, of no sense and of both sorts of previews are told apart', async () => {
    const jpeg = Buffer.from('ffd8ffe000104a464946', 'hex');
    const word = (value: number) => Buffer.from([0, 0, 0, value]);
    await using place = await open({ latencyMs: 60_000 });
    // A node whose socket says what we want, and whose pages are the simulator's.
    const sockets = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(sockets, 'listening');
    const url = `http://127.0.0.1:${(sockets.address() as { port: number }).port}`;
    await using talker = clientOf(url);
    const node = { ...place.node, socket: talker.socket };
    const [reports, previews]: [Report[], MadeFile[]] = [[], []];
    const stop = new AbortController();
    const told = Promise.withResolvers<void>();
    sockets.once('connection', (socket) => {
      const tell = (type: string, data: object) => socket.send(JSON.stringify({ type, data }));
      socket.send('no JSON');
      socket.send(Buffer.from([1]));
      socket.send(Buffer.concat([word(3), word(0), Buffer.from('a text')]));
      socket.send(Buffer.concat([word(1), word(1), jpeg]));
      socket.send(Buffer.concat([word(4), word(2), Buffer.from('{}'), jpeg]));
      tell('progress', { prompt_id: 'another', node: '5', value: 9, max: 10 });
      tell('progress', { prompt_id: jobId('us', 0), node: '1', value: 9, max: 10 });
      tell('progress_state', { prompt_id: jobId('us', 0), nodes: { '5': { value: 4, max: 8 } } });
      tell('progress', { prompt_id: jobId('us', 0), node: '5', value: 2, max: 8 });
      socket.once('close', told.resolve);
      socket.close();
    });
    const call = perform(protocol, 'TEXT_TO_IMAGE', {
      ...{ node, reports, previews, attemptId: 'us', signal: stop.signal, input: small },
    });
    await told.promise;
    stop.abort(new Error('heard'));
    await expect(call).rejects.toThrow('heard');
    expect(previews.map(({ bytes }) => Buffer.from(bytes).toString('hex'))).toEqual([
      jpeg.toString('hex'),
      jpeg.toString('hex'),
    ]);
    expect(reports.map(({ value }) => value).filter((value) => value !== null)).toEqual([0.5, 0.5]);
    sockets.close();
  });
});

describe('comfyui readiness', () => {
  it('tells which checkpoints there are and whether it works', async () => {
    await using place = await open({ models: ['anime', 'photo'], pausesAt: 0 });
    const idle = { ready: true, idle: true, models: ['anime', 'photo'] };
    expect(await protocol.ready(place.node, signal)).toEqual(idle);
    const call = perform(protocol, 'TEXT_TO_IMAGE', { ...place, input: small, model: 'photo' });
    await expect.poll(() => place.simulator.history[0]?.startedAt).toBeTruthy();
    expect(await protocol.ready(place.node, signal)).toEqual({ ...idle, idle: false });
    place.simulator.set({ pausesAt: null });
    await call;
  });
});
