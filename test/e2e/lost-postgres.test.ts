import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { run } from '../../src/database/embedded/identity.ts';
import { startEmbeddedPostgres } from '../../src/database/embedded/index.ts';
import { findPostmaster } from '../../src/database/embedded/postmaster.ts';
import { migrate } from '../../src/database/index.ts';
import { decodeId } from '../../src/ids.ts';
import { copyTemplate, makeTemplate } from '../database/support.ts';
import { adminKey } from '../support/app.ts';
import type { TestFolder } from '../support/folder.ts';
import { post } from '../support/graphql.ts';
import { testLog } from '../support/log.ts';
import { ended, openSite, picture } from './site.ts';

const SUBMIT = `mutation ($input: SubmitTaskInput!) {
  submitTask(input: $input) { ... on Task { id } ... on Error { message } }
}`;

const ENDS = `
  SELECT t.id, t.status, count(e.*) FILTER (WHERE e.type = 'SUCCEEDED')::int AS ends
  FROM task t LEFT JOIN task_event e ON e.task_id = t.id GROUP BY t.id`;

let template: TestFolder;
beforeAll(async () => {
  template = await makeTemplate((url) => migrate({ url, log: testLog }));
});
afterAll(() => template?.[Symbol.asyncDispose]());

function signalIfThere(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** A PostgreSQL of its own, which may be killed. */
async function ownPostgres() {
  const folder = await copyTemplate(template);
  const postgres = await startEmbeddedPostgres({ folder: folder.path, log: testLog, durable: false });
  let stopping: Promise<void> | undefined;
  let isFrozen = false;
  const stop = (): Promise<void> => (stopping ??= postgres.stop());

  /** Signals the postmaster, or with it all of its processes, each of which has a group of its own. */
  async function signal(name: NodeJS.Signals, which: 'postmaster' | 'all'): Promise<void> {
    const postmaster = await findPostmaster(`${folder.path}/cluster`);
    if (!postmaster) return;
    isFrozen = name === 'SIGSTOP';
    // First, so that it starts no other one meanwhile.
    process.kill(postmaster.pid, name);
    if (which === 'postmaster') return;
    const { stdout } = await run('pgrep', ['-P', String(postmaster.pid)]);
    for (const pid of stdout.trim().split('\n').map(Number)) signalIfThere(pid, name);
  }

  return {
    url: postgres.url,
    stop,
    signal,
    async [Symbol.asyncDispose]() {
      if (isFrozen) await signal('SIGCONT', 'all');
      await stop();
      await folder[Symbol.asyncDispose]();
    },
  };
}

type OwnPostgres = Awaited<ReturnType<typeof ownPostgres>>;

test.concurrent('kill -9 of PostgreSQL in the middle of submissions: what was acknowledged is kept, and all connect again', {
  timeout: 120_000,
}, async () => {
  await using postgres = await ownPostgres();
  await using site = await openSite(postgres.url);
  const [server] = await Promise.all([site.start(), site.open('worker')]);
  const client = site.client(server);
  await site.addNode(server, { model: 'fox', slots: 4 });
  const acknowledged = new Map<string, string>();
  const waiting: { count: number; resolve: () => void }[] = [];
  const acknowledgements = (more: number): Promise<void> =>
    new Promise((resolve) => waiting.push({ count: acknowledged.size + more, resolve }));

  /** Submits one task after another, each under a key until it is acknowledged. */
  async function submitAll(prefix: string, stop: AbortSignal): Promise<void> {
    for (let n = 0; !stop.aborted; n++) {
      const input = { ...picture('fox'), idempotencyKey: `${prefix}-${n}` };
      const submit = () => post<{ submitTask: { id: string } }>(server.url, adminKey, SUBMIT, { input });
      const { submitTask } = await vi.waitFor(submit, { timeout: 30_000, interval: 20 });
      acknowledged.set(submitTask.id, input.idempotencyKey);
      for (const { count, resolve } of waiting) if (acknowledged.size >= count) resolve();
    }
  }

  const stop = new AbortController();
  const streams = ['a', 'b', 'c', 'd'].map((prefix) => submitAll(prefix, stop.signal));
  const watched = await client.submit({
    ...picture('fox'),
    startAt: new Date(Date.now() + 6_000).toISOString(),
  });
  const seen = ended(client, watched.id);
  for (let round = 1; round <= 2; round++) {
    await acknowledgements(60);
    await postgres.signal('SIGKILL', 'postmaster');
    // Some of them were under way when it was killed.
    await acknowledgements(8);
  }
  stop.abort();
  await Promise.all(streams);
  await site.expectOrder(40_000);
  // A stream that was open all the time.
  expect((await seen).status).toBe('SUCCEEDED');

  const { rows } = await site.database.pool.query(ENDS);
  const ends = new Map(rows.map(({ id, status, ends }) => [id, { status, ends }]));
  for (const id of acknowledged.keys()) {
    expect(ends.get(decodeId('Task', id))).toEqual({ status: 'SUCCEEDED', ends: 1 });
  }
  // Each key is one task, however often it was sent.
  expect(acknowledged.size).toBe(new Set(acknowledged.values()).size);
  expect(ends.size).toBe(acknowledged.size + 1);
});

test.concurrent.each([
  ['does not run', 0, (postgres: OwnPostgres) => postgres.stop()],
  ['hangs', 1, (postgres: OwnPostgres) => postgres.signal('SIGSTOP', 'all')],
])(
  'SIGTERM while PostgreSQL %s: the process ends all the same',
  { timeout: 120_000 },
  async (_, code, end) => {
    await using postgres = await ownPostgres();
    const site = await openSite(postgres.url);
    const server = await site.start('all', { DRAIN_TIMEOUT_MS: '2000' });
    const node = await site.addNode(server, { model: 'fox' });
    node.hold();
    await site.client(server).submit(picture('fox'));
    await node.called(1);
    await end(postgres);
    // 1 is how a process ends that was cut off in its drain, when its time and a grace were over.
    expect(await server.end('SIGTERM')).toBe(code);
    expect(server.lines.some((line) => line.includes('the drain does not end'))).toBe(code === 1);
    if (code === 1) await postgres.signal('SIGCONT', 'all');
    await site[Symbol.asyncDispose]();
  },
);
