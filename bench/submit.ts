import path from 'node:path';
import { fromPrisma, PgBoss } from 'pg-boss';
import { createClosers } from '../src/closers.ts';
import { loadConfig } from '../src/config.ts';
import { startEmbeddedPostgres } from '../src/database/embedded/index.ts';
import { migrate } from '../src/database/index.ts';
import { createHttpServer } from '../src/http/index.ts';
import { newId, randomId } from '../src/ids.ts';
import { createLog } from '../src/log.ts';
import { makeSecret } from '../src/secrets.ts';
import { type OpenServices, openServices } from '../src/services.ts';
import type { Tasks } from '../src/tasks/index.ts';
import type { LoadResult } from './load.ts';
import { load, median, scratchFolder, table } from './support.ts';

const CONNECTIONS = 50;
const SECONDS = 4;
const ROUNDS = 5;
const MODEL = 'bench';
const HELLO = '{ __typename }';
const SUBMIT = `mutation { submitTask(input: { task: { textToImage: { prompt: "a fox", model: "${MODEL}" } } }) {
  ... on Task { id } ... on Error { message } } }`;

/** What people write first: a Prisma transaction and a pg-boss send for each task. */
async function onePerTask(
  { database, queue, tasks }: OpenServices,
  url: string,
): Promise<Tasks & AsyncDisposable> {
  const boss = new PgBoss({ connectionString: url, migrate: false, supervise: false, schedule: false });
  await boss.start();
  const { id: queueId, name } = await queue.ensure('TEXT_TO_IMAGE', MODEL);
  return {
    ...tasks,
    async submit({ userId, kind, input, priority, maxAttempts }) {
      const id = newId();
      const jobId = randomId();
      await database.prisma.$transaction(async (tx) => {
        await tx.task.create({
          data: {
            ...{ id, userId, queueId, kind, model: MODEL, priority, maxAttempts, jobId },
            ...{ status: 'QUEUED', timeoutMs: 120_000, cost: 1 },
            data: { create: { input: JSON.parse(JSON.stringify(input)) } },
            events: { create: { version: 1, type: 'SUBMITTED', status: 'QUEUED', attempt: 0 } },
          },
        });
        await boss.send(name, { taskId: id }, { id: jobId, db: fromPrisma(tx) });
      });
      return { taskId: id, existing: false };
    },
    [Symbol.asyncDispose]: () => boss.stop({ graceful: false }),
  };
}

/**
 * Durable submits through the whole HTTP server, group commit against one transaction per task, in turns, with
 * an empty query beside them as the ceiling. No worker runs.
 */
export async function submit(): Promise<string> {
  await using folder = await scratchFolder();
  const log = createLog('warn');
  const closers = createClosers();
  const server = await startEmbeddedPostgres({ folder: path.join(folder.path, 'postgres'), log });
  closers.add(server.stop);
  try {
    await migrate({ url: server.url, log });
    const config = loadConfig({
      DATA_DIR: folder.path,
      PORT: '0',
      QUEUE_CAPACITY: '10000000',
      GPU_NODES: `[{"name":"none","url":"http://127.0.0.1:9","protocol":"qwen-image-gguf","offers":[{"kind":"TEXT_TO_IMAGE","models":["${MODEL}"]}]}]`,
    });
    const options = { config, databaseUrl: server.url, secret: makeSecret(), log, closers };
    const services = await openServices({ ...options, publicUrl: () => '' });
    const token = await services.accounts.ensureAdminKey(null);
    await using naive = await onePerTask(services, server.url);
    const serve = async (tasks: Tasks): Promise<string> => {
      const http = await createHttpServer({ services: { ...services, tasks }, config, log });
      closers.add(() => http.drain(1000));
      return `http://127.0.0.1:${await http.listen()}`;
    };
    const urls = { grouped: await serve(services.tasks), single: await serve(naive) };
    return await compare(urls, token);
  } finally {
    await closers.close();
  }
}

async function compare(urls: { grouped: string; single: string }, token: string): Promise<string> {
  const run = (url: string, query: string) =>
    load({ url, token, query, connections: CONNECTIONS, seconds: SECONDS });
  const rounds: Record<'hello' | 'single' | 'grouped', LoadResult>[] = [];
  await run(urls.grouped, SUBMIT);
  await run(urls.single, SUBMIT);
  for (let round = 0; round < ROUNDS; round++) {
    rounds.push({
      hello: await run(urls.grouped, HELLO),
      single: await run(urls.single, SUBMIT),
      grouped: await run(urls.grouped, SUBMIT),
    });
  }
  const row = (name: string, of: 'hello' | 'single' | 'grouped'): string[] => [
    name,
    median(rounds.map((round) => round[of].perSecond)).toFixed(0),
    median(rounds.map((round) => round[of].p50Ms)).toFixed(1),
    median(rounds.map((round) => round[of].p99Ms)).toFixed(1),
    median(rounds.map((round) => round[of].perSecond / round.single.perSecond)).toFixed(1),
  ];
  return table(
    [`${CONNECTIONS} connections`, 'requests/s', 'p50 ms', 'p99 ms', 'times one transaction a task'],
    [
      row('an empty query', 'hello'),
      row('a Prisma transaction and a pg-boss send per task', 'single'),
      row('Switchyard: group commit', 'grouped'),
    ],
  );
}
