import { GraphQLError } from 'graphql';
import { afterEach, expect, test } from 'vitest';
import {
  type Client,
  type ClientOptions,
  createClient,
  type Task,
  WatchTaskDocument,
} from '../../sdk/src/index.ts';
import { createSocket } from '../../sdk/src/socket.ts';
import { freePort } from '../support/free-port.ts';
import { sampleEvent, sampleTask } from './samples.ts';
import { type Script, type ScriptedServer, startScriptedServer } from './scripted-server.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(script: Script, port?: number): Promise<ScriptedServer> {
  const server = await startScriptedServer(script, port);
  closers.push(() => server[Symbol.asyncDispose]());
  return server;
}

function connect({ url }: { url: string }, options: Partial<ClientOptions> = {}): Client {
  const client = createClient({ url, ...options });
  closers.push(() => client.close());
  return client;
}

const queued = sampleTask();
const running = sampleTask({ status: 'RUNNING', version: 2, attempt: 1 });
const halfway = sampleTask({ ...running, progress: 0.5 });
const succeeded = sampleTask({ status: 'SUCCEEDED', version: 3, attempt: 1, progress: 1 });

/** Never ends by itself. */
async function* forever<T>(...values: T[]): AsyncGenerator<T> {
  yield* values;
  await new Promise(() => {});
}

async function* once<T>(...values: T[]): AsyncGenerator<T> {
  yield* values;
}

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const values: T[] = [];
  for await (const value of stream) values.push(value);
  return values;
}

test('watch tells each state once, and ends with the final one', async () => {
  const server = await start({
    taskUpdated: () => once(queued, queued, running, halfway, halfway, succeeded),
  });
  expect(await all(connect(server).watch('task_1'))).toEqual([queued, running, halfway, succeeded]);
});

test('watch leaves out what came up to a known version', async () => {
  const server = await start({ taskUpdated: () => once(running, halfway, succeeded) });
  expect(await all(connect(server).watch('task_1', { after: 2 }))).toEqual([succeeded]);
});

test('watch goes on over a lost connection, without a repeat', async () => {
  const streams = [forever(running), once(running, halfway, succeeded)];
  const server = await start({ taskUpdated: () => streams.shift() ?? once() });
  const seen: Task[] = [];
  for await (const task of connect(server).watch('task_1')) {
    seen.push(task);
    if (seen.length === 1) server.cut();
  }
  expect(seen).toEqual([running, halfway, succeeded]);
  expect(server.subscribed).toHaveLength(2);
});

test('watch never goes back to an older state', async () => {
  const streams = [forever(halfway), once(queued, succeeded)];
  const server = await start({ taskUpdated: () => streams.shift() ?? once() });
  const seen: Task[] = [];
  for await (const task of connect(server).watch('task_1')) {
    seen.push(task);
    if (seen.length === 1) server.close(1012, 'restarting');
  }
  expect(seen).toEqual([halfway, succeeded]);
});

test('events go on after the last one seen, without a gap or a repeat', async () => {
  const log = [sampleEvent(1, 'QUEUED'), sampleEvent(2, 'RUNNING'), sampleEvent(3, 'SUCCEEDED')];
  const server = await start({
    taskEvents: ({ after }) => {
      const rest = log.filter(({ version }) => version > after);
      return after === 0 ? forever(...rest.slice(0, 2)) : once(...rest);
    },
  });
  const seen: number[] = [];
  for await (const { version } of connect(server).events('task_1')) {
    seen.push(version);
    if (version === 2) server.cut();
  }
  expect(seen).toEqual([1, 2, 3]);
  expect(server.subscribed.map(({ after }) => after)).toEqual([0, 2]);
});

test('a stream that a server ends before the task does goes on', async () => {
  const streams = [once(running), once(succeeded)];
  const server = await start({ taskUpdated: () => streams.shift() ?? once(), task: () => running });
  expect(await all(connect(server).watch('task_1'))).toEqual([running, succeeded]);
});

test('a stream ends when the task is deleted', async () => {
  const server = await start({ taskUpdated: () => once(running), task: () => null });
  expect(await all(connect(server).watch('task_1'))).toEqual([running]);
});

test('a server that comes back is found again', async () => {
  const first = await start({ taskUpdated: () => forever(running) }, await freePort());
  const seen: Task[] = [];
  for await (const task of connect(first).watch('task_1')) {
    seen.push(task);
    if (seen.length > 1) break;
    await first[Symbol.asyncDispose]();
    setTimeout(
      () => void start({ taskUpdated: () => once(succeeded) }, Number(new URL(first.url).port)),
      300,
    );
  }
  expect(seen).toEqual([running, succeeded]);
});

test('a server that stays away is an error in the end', async () => {
  const server = await start({});
  await server[Symbol.asyncDispose]();
  const stream = connect(server, { retries: 1 }).watch('task_1');
  await expect(all(stream)).rejects.toMatchObject({ name: 'SwitchyardError', code: 'NETWORK_ERROR' });
});

test('a connection that went silent is given up for a new one', async () => {
  let isFrozen = false;
  const server = await start({ taskUpdated: () => (isFrozen ? once(succeeded) : forever(running)) });
  // A busy machine may be silent for so long by itself.
  const patience = { retries: 60, pingEveryMs: 100 };
  const socket = createSocket({ url: server.socketUrl, token: undefined, webSocket: undefined, ...patience });
  const seen = new Set<string>();
  for await (const { taskUpdated } of socket.stream(WatchTaskDocument, () => ({ id: 'task_1' }))) {
    seen.add(taskUpdated.status);
    if (taskUpdated.status === 'SUCCEEDED') break;
    isFrozen = true;
    server.freeze();
  }
  expect([...seen]).toEqual(['RUNNING', 'SUCCEEDED']);
});

test('a refused credential is an error at once', async () => {
  const server = await start({ authorize: (authorization) => authorization === 'Bearer good' });
  const stream = connect(server, { token: 'bad' }).watch('task_1');
  await expect(all(stream)).rejects.toMatchObject({ code: 'UNAUTHENTICATED', transient: false });
});

test('a token that expired is renewed by asking for it again', async () => {
  const streams = [forever(running), once(succeeded)];
  const asked: (string | null)[] = [];
  const server = await start({
    authorize: (authorization) => asked.push(authorization) > 0,
    taskUpdated: () => streams.shift() ?? once(),
  });
  const tokens = ['old', 'new'];
  const seen: Task[] = [];
  for await (const task of connect(server, { token: () => tokens.shift() ?? '' }).watch('task_1')) {
    seen.push(task);
    if (seen.length === 1) server.close(4403, 'Forbidden');
  }
  expect(seen).toEqual([running, succeeded]);
  expect(asked).toEqual(['Bearer old', 'Bearer new']);
});

test('an error of the subscription is an error with its code', async () => {
  const server = await start({
    taskUpdated: () => {
      throw new GraphQLError('no such task', { extensions: { code: 'NOT_FOUND' } });
    },
  });
  await expect(all(connect(server).watch('task_1'))).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: 'no such task',
  });
});

test('a slow reader gets the newest state only', async () => {
  const many = Array.from({ length: 50 }, (_, n) => sampleTask({ ...running, progress: n / 50 }));
  const told = Promise.withResolvers<void>();
  async function* stream() {
    yield* [...many, succeeded];
    told.resolve();
  }
  const server = await start({ taskUpdated: stream });
  const seen: Task[] = [];
  for await (const task of connect(server).watch('task_1')) {
    seen.push(task);
    await told.promise;
  }
  expect(seen).toEqual([many[0], succeeded]);
});

test('a reader that leaves closes the connection', async () => {
  const server = await start({ taskUpdated: () => forever(running) });
  for await (const _ of connect(server).watch('task_1')) break;
  await expect.poll(() => server.open.size).toBe(0);
});

test('an aborted stream fails with the reason of its signal, and closes the connection', async () => {
  const server = await start({ taskUpdated: () => forever(running) });
  const calls = new AbortController();
  const reason = new Error('enough');
  const stream = connect(server).watch('task_1', { signal: calls.signal });
  await stream.next();
  setTimeout(() => calls.abort(reason), 20);
  await expect(stream.next()).rejects.toBe(reason);
  await expect.poll(() => server.open.size).toBe(0);
});

test('streams share one connection', async () => {
  const server = await start({ taskUpdated: () => forever(running) });
  const client = connect(server);
  const streams = [client.watch('task_1'), client.watch('task_2'), client.watch('task_3')];
  await Promise.all(streams.map((stream) => stream.next()));
  expect(server.open.size).toBe(1);
  client.close();
  await Promise.allSettled(streams.map((stream) => stream.next()));
  await expect.poll(() => server.open.size).toBe(0);
});

test('submitAndWait answers the final task and tells each state on the way', async () => {
  const server = await start({
    submitTask: () => queued,
    taskUpdated: () => once(queued, running, succeeded),
  });
  const told: Task[] = [];
  const task = await connect(server).submitAndWait(
    { task: { textToImage: { prompt: 'a red fox' } } },
    { onProgress: (one) => told.push(one) },
  );
  expect(task).toEqual(succeeded);
  expect(told).toEqual([queued, running, succeeded]);
});

test('submitAndWait fails when the task is deleted meanwhile', async () => {
  const server = await start({
    submitTask: () => queued,
    taskUpdated: () => once(running),
    task: () => null,
  });
  const waiting = connect(server).submitAndWait({ task: { textToImage: { prompt: 'a red fox' } } });
  await expect(waiting).rejects.toMatchObject({ code: 'NOT_FOUND', message: 'task task_1 was deleted' });
});

test('tasks reads page after page, and no page before it is needed', async () => {
  const pages: (string | null)[] = [];
  const server = await start({
    tasks: ({ first, after }) => {
      pages.push(after);
      const from = Number(after ?? 0);
      const ids = Array.from({ length: first }, (_, n) => from + n + 1);
      return {
        edges: ids.map((n) => ({ cursor: String(n), node: sampleTask({ id: `task_${n}` }) })),
        pageInfo: {
          hasNextPage: from + first < 6,
          hasPreviousPage: false,
          startCursor: null,
          endCursor: String(from + first),
        },
      };
    },
  });
  const client = connect(server);
  for await (const { id } of client.tasks({}, { pageSize: 2 })) if (id === 'task_2') break;
  expect(pages).toEqual([null]);
  const ids = (await all(client.tasks({}, { pageSize: 2 }))).map(({ id }) => id);
  expect(ids).toEqual(['task_1', 'task_2', 'task_3', 'task_4', 'task_5', 'task_6']);
});
