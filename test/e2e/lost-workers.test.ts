import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { png, send, type Trap } from '../support/outside-nodes.ts';
import { ended, eventOf, openSite, picture } from './site.ts';

const LEASE_MS = 3_000;
const lease = { WORKER_LEASE_MS: String(LEASE_MS) };

/** A picture of this red, so that it can be told who drew it. */
const draw =
  (red: number): Trap =>
  async ({ response }) => {
    const b64_json = (await png(32, 32, red)).toString('base64');
    send(response, 200, 'application/json', JSON.stringify({ data: [{ b64_json }] }));
  };

describe('several processes on one database', { timeout: 60_000 }, () => {
  test('kill -9 of a worker: what it ran runs elsewhere, and no slot is leased twice', async () => {
    await using site = await openSite();
    const [api, first] = await Promise.all([site.start('api', lease), site.start('worker', lease)]);
    const client = site.client(api);
    const node = await site.addNode(api, { model: 'fox', slots: 2 });
    node.hold();
    const tasks = await Promise.all(Array.from({ length: 5 }, () => client.submit(picture('fox'))));
    await node.called(2);
    await site.start('worker', lease);
    await first.end('SIGKILL');
    await node.called(4);
    node.release();
    await Promise.all(tasks.map(({ id }) => ended(client, id)));
    await site.expectOrder();
    const outcomes = await Promise.all(
      tasks.map(async ({ id }) => (await site.attempts(id)).map(({ outcome }) => outcome).join()),
    );
    expect(outcomes.toSorted()).toEqual([
      'SUCCEEDED',
      'SUCCEEDED',
      'SUCCEEDED',
      'WORKER_LOST,SUCCEEDED',
      'WORKER_LOST,SUCCEEDED',
    ]);
    expect(node.peak).toBe(2);
    expect(node.calls).toHaveLength(7);
  });

  test('kill -9 of a worker whose node works on: its slot cools down before it is leased again', async () => {
    await using site = await openSite();
    const [api, first] = await Promise.all([site.start('api', lease), site.start('worker', lease)]);
    const client = site.client(api);
    const node = await site.addNode(api, { model: 'fox', protocol: 'QWEN_IMAGE_GGUF' });
    node.hold();
    // So large that it is expected to take longer than it may.
    const large = { textToImage: { prompt: 'a red fox', width: 1024, height: 1024, model: 'fox' } };
    const task = await client.submit({ task: large, timeoutMs: 4_000 });
    await node.called(1);
    const startedAt = Date.parse((await eventOf(client, task.id, 'STARTED')).at);
    await Promise.all([first.end('SIGKILL'), site.start('worker', lease)]);
    // The node is done just before the attempt would have had to be.
    setTimeout(() => node.release(), Math.max(0, startedAt + 3_900 - Date.now()));
    await node.called(2);
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(4_000);
    expect((await ended(client, task.id)).status).toBe('SUCCEEDED');
    expect(node.peak).toBe(1);
    await site.expectOrder();
  });

  test('SIGSTOP of a worker beyond its lease, then SIGCONT: its late answer changes nothing, and it works on', async () => {
    await using site = await openSite();
    const [api, sleeper] = await Promise.all([site.start('api', lease), site.start('worker', lease)]);
    const client = site.client(api);
    const node = await site.addNode(api, { model: 'fox', slots: 2 });
    // Shorter than the lease: nothing happens.
    node.hold();
    const brief = await client.submit(picture('fox'));
    await node.called(1);
    process.kill(sleeper.pid, 'SIGSTOP');
    const [call] = node.calls;
    if (!call) throw new Error('there was no call');
    const answered = once(call.response, 'finish');
    node.release();
    await answered;
    process.kill(sleeper.pid, 'SIGCONT');
    expect((await ended(client, brief.id)).status).toBe('SUCCEEDED');
    expect(await site.attempts(brief.id)).toMatchObject([{ outcome: 'SUCCEEDED' }]);

    const late = Promise.withResolvers<void>();
    node.trap(async (call) => {
      await late.promise;
      await draw(10)(call);
    }, draw(90));
    const { id } = await client.submit(picture('fox'));
    await node.called(2);
    process.kill(sleeper.pid, 'SIGSTOP');
    const other = await site.start('worker', lease);
    await eventOf(client, id, 'RETRYING');
    const task = await ended(client, id);
    // On a machine with much else to do, the other one may miss its short lease as well.
    const attempts = await site.attempts(id);
    expect(attempts[0]).toMatchObject({ outcome: 'WORKER_LOST' });
    expect(attempts.slice(1).at(-1)).toMatchObject({ outcome: 'SUCCEEDED' });

    late.resolve();
    process.kill(sleeper.pid, 'SIGCONT');
    await sleeper.logged(/lost its lease/);
    await other.end('SIGTERM');
    // Only the one that slept is left to run this.
    const next = await client.submitAndWait(picture('fox'), { signal: AbortSignal.timeout(20_000) });
    expect(next.status).toBe('SUCCEEDED');
    const { updatedAt, version, result } = task;
    expect(await client.task(id)).toMatchObject({
      status: 'SUCCEEDED',
      attempt: attempts.length,
      updatedAt,
      version,
    });
    if (result?.__typename !== 'ImageResult' || !result.images[0]) throw new Error('no picture');
    const { sha256 } = result.images[0];
    expect(sha256).toBe(
      createHash('sha256')
        .update(await png(32, 32, 90))
        .digest('hex'),
    );
    await site.expectOrder();
  });
});
