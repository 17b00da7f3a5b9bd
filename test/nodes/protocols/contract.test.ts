import { sep } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { createSimulator, type Simulator, type SimulatorOptions } from '../../../simulator/index.ts';
import type { KindName } from '../../../src/kinds/index.ts';
import type { NodeRequest } from '../../../src/nodes/protocols/client.ts';
import { protocolNames, protocolOf } from '../../../src/nodes/protocols/index.ts';
import { clientOf, faultOf, perform, remoteJob } from './calls.ts';

describe.each(protocolNames)('protocol %s', (name) => {
  const protocol = protocolOf(name);
  const kinds = Object.keys(protocol.run) as KindName[];
  const [anyKind] = kinds as [KindName];
  const simulate = (options: Partial<SimulatorOptions> = {}) =>
    createSimulator({ side: 64, ...options, protocol: name });
  const ready = (simulator: Simulator, signal = AbortSignal.timeout(5_000)) => {
    const node = clientOf(simulator.url);
    return protocol.ready(node, signal).finally(() => node.close());
  };

  it('is listed under its own name', () => {
    expect(protocol.name).toBe(name);
    expect(kinds.length).toBeGreaterThan(0);
  });

  it.each(kinds)('does a %s task', async (kind) => {
    await using simulator = await simulate();
    await using node = clientOf(simulator.url);
    const made = await perform(protocol, kind, { node });
    if ('images' in made) expect(made.images).toMatchObject([{ mimeType: 'image/png' }]);
    else if ('value' in made) expect(made).toMatchObject({ value: { text: 'go forward ten meters' } });
    else if ('dimensions' in made) expect(made.dimensions).toBe(128);
    else if ('files' in made) expect(made.files[0]).toMatchObject({ mimeType: 'model/gltf-binary' });
    else if ('segments' in made) expect(made).toMatchObject({ text: 'go forward ten meters', segments: [] });
    else if ('text' in made) expect(made.text).toMatch(/^About forward ten meters:/);
    else throw new Error(`no node makes ${JSON.stringify(made)}`);
    expect(simulator.history).toMatchObject([{ outcome: 'answered', slot: 0 }]);
  });

  it.each(kinds)(
    'bears its token with a %s task, and calls a refused token the fault of the node',
    async (kind) => {
      // Some know users with passwords only.
      const knowsUsers = ['A1111', 'TENCENT_AI3D'].includes(name);
      const token = knowsUsers ? 'switchyard:secret' : 'secret-token';
      await using simulator = await simulate({ token });
      await using trusted = clientOf(simulator.url, { token });
      await perform(protocol, kind, { node: trusted });
      await using stranger = clientOf(simulator.url, { token: token.replace('secret', 'wrong') });
      const fault = await faultOf(perform(protocol, kind, { node: stranger }));
      expect(fault).toMatchObject({ side: 'node', code: 'NODE_ERROR', sent: true });
      expect(fault.message).not.toContain('wrong');
    },
  );

  it('works below a path of the URL', async () => {
    await using simulator = await simulate();
    await using node = clientOf(`${simulator.url}/gpu-1/`);
    const fault = await faultOf(perform(protocol, anyKind, { node }));
    expect(fault).toMatchObject({ side: 'node', code: 'NODE_ERROR' });
    expect(fault.message).toContain('404');
  });

  describe('whose fault a failure is', () => {
    it('says that a node that fails is at fault, with the reason it gives', async () => {
      await using simulator = await simulate();
      await using node = clientOf(simulator.url);
      simulator.failNext({ type: 'fail' });
      // Its jobs fail in silence: only the long calls for other formats tell.
      const input = name === 'HUNYUAN3D' ? { format: 'STL' as const } : {};
      const fault = await faultOf(perform(protocol, anyKind, { node, input }));
      expect(fault).toMatchObject({ side: 'node', code: 'NODE_ERROR', sent: true });
      expect(fault.message).toMatch(/^the node (answered 500|failed): \**[a-zA-Z]/);
    });

    it('says that the task is at fault where the node refuses it', async () => {
      await using simulator = await simulate();
      await using node = clientOf(simulator.url);
      simulator.failNext({ type: 'status', status: 400, body: 'Invalid request' });
      expect(await faultOf(perform(protocol, anyKind, { node }))).toMatchObject({
        side: 'task',
        code: 'NODE_REJECTED',
        message: 'the node refused the task (400): Invalid request',
      });
    });

    it('says that a full node is busy, and for how long', async () => {
      await using simulator = await simulate();
      await using node = clientOf(simulator.url);
      simulator.failNext({ type: 'full' });
      simulator.failNext({ type: 'status', status: 429, headers: { 'retry-after': '7' } });
      expect(await faultOf(perform(protocol, anyKind, { node }))).toMatchObject({ side: 'busy' });
      const fault = await faultOf(perform(protocol, anyKind, { node }));
      expect(fault).toMatchObject({ side: 'busy', retryAfterMs: 7_000 });
    });

    it('says that nothing was sent where the node refuses the connection', async () => {
      await using simulator = await simulate();
      await simulator.refuseConnections();
      await using node = clientOf(simulator.url);
      const fault = await faultOf(perform(protocol, anyKind, { node }));
      expect(fault).toMatchObject({ side: 'node', code: 'NODE_UNREACHABLE', sent: false });
    });

    it('says that the request was sent where the node dies over it', async () => {
      await using simulator = await simulate({ latencyMs: 60_000 });
      await using node = clientOf(simulator.url);
      const remote = remoteJob();
      const fault = faultOf(perform(protocol, anyKind, { node, remote }));
      await simulator.received(1);
      if (protocol.keepsJobs)
        await vi.waitUntil(() => remote.record.length === 2, { interval: 5, timeout: 10_000 });
      await simulator.refuseConnections();
      // A provider is asked until it is back: this one has forgotten the job.
      if (protocol.keepsJobs) await simulator.acceptConnections();
      const code = protocol.keepsJobs ? 'NODE_ERROR' : 'NODE_UNREACHABLE';
      expect(await fault).toMatchObject({ side: 'node', code, sent: true });
    });

    it.each(['reset', 'cut-short', 'wrong-content', 'error-inside'] as const)(
      'knows the answer %s',
      async (type) => {
        await using simulator = await simulate();
        await using node = clientOf(simulator.url);
        simulator.failNext({ type });
        const call = perform(protocol, anyKind, { node });
        // Its jobs have names of ours: one that was taken before the connection broke is found.
        if (name === 'COMFYUI' && type === 'reset') return expect(await call).toHaveProperty('images');
        const fault = await faultOf(call);
        expect(fault.sent).toBe(true);
        if (type === 'reset') expect(fault.code).toBe('NODE_UNREACHABLE');
        else if (type === 'error-inside')
          expect(['NODE_ERROR', 'NODE_REJECTED', 'BAD_NODE_ANSWER']).toContain(fault.code);
        else expect(fault).toMatchObject({ side: 'node', code: 'BAD_NODE_ANSWER' });
      },
    );

    it('stops reading an answer that never ends', async () => {
      await using simulator = await simulate();
      await using node = clientOf(simulator.url);
      simulator.failNext({ type: 'giant', bytes: 2 ** 40 });
      const bounds: number[] = [];
      // As if a million were its own bound: all of that would take its time.
      const bounded = {
        ...node,
        request({ maxBytes = 0, ...request }: NodeRequest) {
          bounds.push(maxBytes);
          return node.request({ ...request, maxBytes: 1_000_000 });
        },
      };
      const fault = await faultOf(perform(protocol, anyKind, { node: bounded }));
      expect(fault).toMatchObject({ side: 'node', code: 'BAD_NODE_ANSWER' });
      expect(fault.message).toMatch(/longer than 1000000 bytes/);
      expect(Math.max(...bounds)).toBeLessThan(2 ** 29);
    });

    it('names neither the host nor a file of ours in its messages', async () => {
      await using simulator = await simulate();
      await simulator.refuseConnections();
      await using node = clientOf(simulator.url);
      const { message } = await faultOf(perform(protocol, anyKind, { node }));
      expect(message).not.toContain(new URL(simulator.url).port);
      expect(message).not.toContain(sep);
    });
  });

  describe('stopping a call', () => {
    // At once, since a provider that was asked for a job is waited for.
    it.concurrent.each(['hang', 'stall'] as const)(
      'rejects with the reason of the signal on a node that %ss',
      async (type) => {
        await using simulator = await simulate();
        await using node = clientOf(simulator.url);
        simulator.failNext({ type });
        const stop = new AbortController();
        const call = perform(protocol, anyKind, { node, signal: stop.signal });
        const { ended } = await simulator.received(1);
        stop.abort(new Error('canceled'));
        await expect(call).rejects.toThrow('canceled');
        await ended;
      },
    );

    it('makes no call where the signal has aborted already', async () => {
      await using simulator = await simulate();
      await using node = clientOf(simulator.url);
      const call = perform(protocol, anyKind, { node, signal: AbortSignal.abort(new Error('too late')) });
      await expect(call).rejects.toThrow('too late');
      expect(simulator.history).toEqual([]);
    });

    it(`${protocol.stop === 'disconnect' ? 'ends' : 'does not end'} the work on the node`, async () => {
      await using simulator = await simulate({ pausesAt: 0 });
      await using node = clientOf(simulator.url);
      const stop = new AbortController();
      const call = perform(protocol, anyKind, { node, signal: stop.signal });
      const { ended } = await simulator.received(1);
      stop.abort(new Error('canceled'));
      await expect(call).rejects.toThrow('canceled');
      if (protocol.stop !== 'disconnect') simulator.set({ pausesAt: null });
      const { outcome } = await ended;
      // Servers that take jobs never know who still waits for them.
      if (protocol.stop === 'disconnect') expect(outcome).toBe('stopped');
      else expect(['abandoned', 'answered']).toContain(outcome);
    });
  });

  describe('readiness', () => {
    it('is ready when the node is', async () => {
      await using simulator = await simulate();
      expect(await ready(simulator)).toMatchObject({ ready: true });
      expect(simulator.history).toEqual([]);
    });

    it('is not ready when nothing listens', async () => {
      await using simulator = await simulate();
      await simulator.refuseConnections();
      expect(await ready(simulator)).toEqual({
        ready: false,
        detail: 'no connection to the node (ECONNREFUSED)',
      });
      await simulator.acceptConnections();
      expect(await ready(simulator)).toMatchObject({ ready: true });
    });

    it('is not ready when the signal aborts first', async () => {
      await using simulator = await simulate();
      const readiness = await ready(simulator, AbortSignal.abort(new Error('too slow')));
      expect(readiness).toEqual({ ready: false, detail: 'no answer in time' });
    });

    it('is not ready while the model loads, where the protocol can tell', async () => {
      await using simulator = await simulate({ ready: false });
      expect((await ready(simulator)).ready).toBe(name === 'FAST_WHISPER');
      await using node = clientOf(simulator.url);
      const fault = await faultOf(perform(protocol, anyKind, { node }));
      expect(['node', 'busy']).toContain(fault.side);
      simulator.set({ ready: true });
      expect(await ready(simulator)).toMatchObject({ ready: true });
    });
  });
});
