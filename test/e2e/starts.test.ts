import { once } from 'node:events';
import { chown } from 'node:fs/promises';
import pg from 'pg';
import { describe, expect, inject, test } from 'vitest';
import { createClient } from '../../sdk/src/index.ts';
import { freePort } from '../support/free-port.ts';
import { startOutsideNode } from '../support/outside-nodes.ts';
import { type ServerProcess, startServer } from '../support/process.ts';
import { foxNode, makeDataDir } from './data-dir.ts';
import { ended, openSite, picture } from './site.ts';

const NOBODY = 65_534;

/** Of this, nearly a third is left when the tasks have had theirs: a busy machine may stand still for seconds. */
const DRAIN_MS = 10_000;

/** How long its drain took, as it logged it: the time for a drain holds for nothing else. */
function drainMs({ lines }: ServerProcess): number {
  const timeOf = (message: string): number => {
    const line = lines.find((one) => one.includes(`"msg":"${message}"`));
    return line === undefined ? Number.NaN : new Date((JSON.parse(line) as { time: string }).time).getTime();
  };
  return timeOf('stopped') - timeOf('draining');
}

describe('starts and stops', { timeout: 120_000 }, () => {
  // Most of the time it waits for the drain.
  test.concurrent('SIGTERM ends with 0 in time, hands running tasks back unspent, and clients connect again; an idle server ends at once', async () => {
    await using site = await openSite();
    const port = String(await freePort());
    const server = await site.start('all', { PORT: port, DRAIN_TIMEOUT_MS: String(DRAIN_MS) });
    const client = site.client(server);
    const node = await site.addNode(server, { model: 'fox', slots: 2 });
    node.hold();
    const tasks = await Promise.all(
      [1, 2, 3].map(() => client.submit({ ...picture('fox'), maxAttempts: 1 })),
    );
    await node.called(2);
    const watching = tasks.map(({ id }) => ended(client, id));
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
    await once(socket, 'open');
    socket.send(JSON.stringify({ type: 'connection_init' }));
    await once(socket, 'message');
    const closed = once(socket, 'close');
    expect(await server.end('SIGTERM')).toBe(0);
    expect(drainMs(server)).toBeLessThanOrEqual(DRAIN_MS);
    // Service restart: no client takes it for its own fault.
    expect((await closed)[0]).toMatchObject({ code: 1012 });
    const handedBack = await Promise.all(tasks.map(({ id }) => site.attempts(id)));
    expect(handedBack.flat()).toMatchObject([{ outcome: 'WORKER_LOST' }, { outcome: 'WORKER_LOST' }]);

    node.release();
    // Were it to wait for this time when nothing is left to do, the test would not live to see its end.
    const next = await site.start('all', { PORT: port, DRAIN_TIMEOUT_MS: '600000' });
    // The same streams as before.
    for (const task of await Promise.all(watching)) expect(task.status).toBe('SUCCEEDED');
    await site.expectOrder();

    expect(await next.end('SIGTERM')).toBe(0);
  });

  test.runIf(process.getuid?.() === 0).concurrent('a user who is not root serves, too', async () => {
    await using data = await makeDataDir();
    await using node = await startOutsideNode('OPENAI');
    await chown(data.path, NOBODY, NOBODY);
    const variables = {
      DATA_DIR: data.path,
      GPU_NODES: JSON.stringify([foxNode(node.url)]),
      HOME: data.path,
    };
    const server = await startServer(variables, [], { uid: NOBODY, gid: NOBODY });
    const client = createClient({ url: server.url, token: await data.adminKey() });
    const task = await client.submitAndWait(picture('fox'), { signal: AbortSignal.timeout(60_000) });
    expect(task.status).toBe('SUCCEEDED');
    client.close();
    expect(await server.end('SIGTERM')).toBe(0);
  });

  test('ten processes start at once on an empty database', async () => {
    const admin = new pg.Client({ connectionString: inject('clusterUrl') });
    await admin.connect();
    await admin.query('CREATE DATABASE empty_at_once');
    const url = new URL(inject('clusterUrl'));
    url.pathname = '/empty_at_once';
    {
      await using site = await openSite(url.href);
      const variables = { MIGRATE_AT_START: 'true' };
      const starting = Array.from({ length: 10 }, (_, n) =>
        site.start(n % 2 === 0 ? 'all' : 'worker', variables),
      );
      const [server] = await Promise.all(starting);
      if (!server) throw new Error('no server');
      const node = await site.addNode(server, { model: 'fox', slots: 3 });
      const client = site.client(server);
      const tasks = await Promise.all(Array.from({ length: 30 }, () => client.submit(picture('fox'))));
      await Promise.all(tasks.map(({ id }) => ended(client, id)));
      expect(node.peak).toBeLessThanOrEqual(3);
      await site.expectOrder();
    }
    await admin.query('DROP DATABASE empty_at_once WITH (FORCE)');
    await admin.end();
  });
});
