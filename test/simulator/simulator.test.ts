import { describe, expect, it } from 'vitest';
import { createSimulator, type SimulatorOptions } from '../../simulator/index.ts';

const simulate = (options: Partial<SimulatorOptions> = {}) =>
  createSimulator({ protocol: 'QWEN_IMAGE_GGUF', side: 16, ...options });

const generate = (url: string, prompt = 'a cat', init: RequestInit = {}) =>
  fetch(`${url}/generate`, { method: 'POST', body: JSON.stringify({ prompt }), ...init });

describe('a simulated node', () => {
  it('works on as many calls at once as it has slots; the others wait their turn', async () => {
    await using simulator = await simulate({ slots: 2, latencyMs: 60_000 });
    const stop = new AbortController();
    const calls = [1, 2, 3].map(() => generate(simulator.url, 'a cat', { signal: stop.signal }));
    await simulator.received(3);
    await expect
      .poll(() => simulator.history.map(({ slot, inFlight }) => [slot, inFlight]))
      .toEqual([
        [0, 1],
        [1, 2],
        [null, 3],
      ]);
    stop.abort();
    await expect(Promise.all(calls)).rejects.toThrow();
  });

  it('takes waiting calls when it gets more slots', async () => {
    await using simulator = await simulate({ slots: 0 });
    const call = generate(simulator.url);
    await simulator.received(1);
    simulator.set({ slots: 1 });
    expect((await call).status).toBe(200);
  });

  it('stands still after as many steps as it is told to, until it may go on', async () => {
    await using simulator = await simulate({ protocol: 'COG', pausesAt: 2 });
    const answer = await fetch(`${simulator.url}/predictions/one`, {
      ...{ method: 'PUT', body: '{"input":{}}', headers: { accept: 'text/event-stream' } },
    });
    const told = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    let said = '';
    const listenFor = async (words: string) => {
      while (!said.includes(words)) {
        const { value, done = true } = (await told?.read()) ?? {};
        if (done) throw new Error(`it ended with "${said}"`);
        said += value;
      }
    };
    await listenFor('step 2 of 4');
    simulator.set({ pausesAt: 3 });
    await listenFor('step 3 of 4');
    expect([said.includes('step 4'), simulator.history[0]?.outcome]).toEqual([false, 'running']);
    simulator.set({ pausesAt: null });
    await listenFor('succeeded');
    expect(simulator.history).toMatchObject([{ outcome: 'answered' }]);
  });

  it('refuses calls beyond its slots where told so', async () => {
    await using simulator = await simulate({ slots: 0, whenFull: 'refuse' });
    const answer = await generate(simulator.url);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
    expect(simulator.history).toMatchObject([{ outcome: 'refused' }]);
  });

  it('takes time for each unit of work', async () => {
    // 20 steps of 100 x 100 pixels are 0.2 megapixel-steps.
    await using simulator = await simulate({ side: 100, speed: 2 });
    await generate(simulator.url);
    const [call] = simulator.history;
    expect((call?.endedAt ?? 0) - (call?.startedAt ?? 0)).toBeGreaterThan(95);
  });

  it('fails as often as ordered, then works again', async () => {
    await using simulator = await simulate();
    simulator.failNext({ type: 'status', status: 418 }, 2);
    const statuses = [];
    for (let call = 0; call < 3; call++) statuses.push((await generate(simulator.url)).status);
    expect(statuses).toEqual([418, 418, 200]);
  });

  it('loses its work when it goes down, and comes back at the same address', async () => {
    await using simulator = await simulate({ latencyMs: 60_000 });
    const lost = expect(generate(simulator.url)).rejects.toThrow();
    await simulator.received(1);
    await simulator.refuseConnections();
    await lost;
    await expect(generate(simulator.url)).rejects.toThrow();
    simulator.set({ latencyMs: 0 });
    await simulator.acceptConnections();
    expect((await generate(simulator.url)).status).toBe(200);
    expect(simulator.inFlight).toBe(0);
  });

  it('answers the same picture for the same prompt', async () => {
    await using simulator = await simulate();
    const [first, second, other] = await Promise.all(
      ['a cat', 'a cat', 'a dog'].map(async (prompt) =>
        Buffer.from(await (await generate(simulator.url, prompt)).arrayBuffer()).toString('hex'),
      ),
    );
    expect(first).toBe(second);
    expect(first).not.toBe(other);
  });
});
