import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { describe, expect, it } from 'vitest';
import { connect } from './socket-client.ts';
import { subscribe } from './streams.ts';
import { capturedLog, startApi } from './support.ts';
import { registerNode } from './work.ts';

const ticks = 'subscription { stats { workers { idle } } }';

/** A busy machine may have other things to warn of. */
const cutOff = (lines: readonly Record<string, unknown>[]) =>
  lines.filter(({ msg }) => String(msg).includes('cut off'));

describe('a drain', () => {
  it('ends sockets and streams with a code for coming back, and has nothing to cut off', async () => {
    const { log, lines } = capturedLog('warn');
    await using api = await startApi({ log });
    const as = await api.person();
    const client = await connect(api, { as });
    client.subscribe('1', ticks);
    await client.nextOf('1');
    const stream = subscribe(api, ticks, { as });
    await stream.next();
    await api.http.drain(15_000);
    expect(cutOff(lines)).toEqual([]);
    expect(await client.closed()).toEqual({ code: 1012, reason: expect.stringContaining('restart') });
    let last = await stream.next();
    // What was told before the drain comes first.
    while (last.value?.errors.length === 0) last = await stream.next();
    expect(last.value?.errors[0]?.extensions.code).toBe('SERVICE_UNAVAILABLE');
    expect((await stream.next()).done).toBe(true);
    await expect(fetch(`${api.url}/health/live`)).rejects.toThrow();
  });

  it('says that it is not ready any more to whoever is still connected', async () => {
    await using api = await startApi();
    await registerNode(api);
    const as = await api.person();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ready = () =>
      new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
        request(`${api.url}/health/ready`, { agent }, async (response) => {
          const body = (await response.toArray()).join('');
          resolve({ status: response.statusCode, body });
        })
          .on('error', reject)
          .end();
      });
    expect(await ready()).toEqual({ status: 200, body: '{"status":"ready"}' });
    // Holds the server open while it drains.
    const waiting = api.send(
      'mutation { submitTask(input: { task: { textToImage: { prompt: "x" } }, waitMs: 60000 }) { __typename ... on Task { status } } }',
      { as },
    );
    await expect.poll(() => api.services.database.prisma.task.count()).toBe(1);
    const pending = request(`${api.url}/health/ready`, { agent });
    const drained = api.http.drain(5_000);
    const answer = new Promise((resolve, reject) => {
      pending.on('response', (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      pending.on('error', reject);
    });
    pending.end();
    // Either told, or not let in: both take it out of a load balancer.
    expect(await answer.catch((error: NodeJS.ErrnoException) => error.code)).toSatisfy((outcome) =>
      [503, 'ECONNREFUSED', 'ECONNRESET', 'EPIPE'].includes(outcome as never),
    );
    expect((await waiting).data).toEqual({ submitTask: { __typename: 'Task', status: 'QUEUED' } });
    await drained;
    agent.destroy();
  });

  it('cuts off what takes longer than it may', async () => {
    const { log, lines } = capturedLog('warn');
    await using api = await startApi({ log });
    const hanging = request(`${api.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': 100 },
    });
    const failed = new Promise((resolve) => hanging.on('error', resolve));
    const begun = once(api.http.server, 'request');
    hanging.write('{');
    await begun;
    await api.http.drain(300);
    expect(cutOff(lines)).toMatchObject([{ timeoutMs: 300 }]);
    expect(await failed).toBeInstanceOf(Error);
  });
});
