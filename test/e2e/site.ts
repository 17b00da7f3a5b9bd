import { mkdtemp, rm } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, vi } from 'vitest';
import {
  type Client,
  createClient,
  isFinal,
  type SubmitTaskInput,
  type Task,
  type TaskEvent,
  type TaskEventType,
} from '../../sdk/src/index.ts';
import { type App, createApp } from '../../src/app.ts';
import { loadConfig, type Role } from '../../src/config.ts';
import { type Database, openDatabase } from '../../src/database/index.ts';
import { decodeId } from '../../src/ids.ts';
import { adminKey } from '../support/app.ts';
import { createTestDatabase } from '../support/database.ts';
import { post } from '../support/graphql.ts';
import { expectAllDone } from '../support/invariants.ts';
import { testLog } from '../support/log.ts';
import { type OutsideNode, startOutsideNode } from '../support/outside-nodes.ts';
import { killWorker, type ServerProcess, type SpawnOptions, startServer } from '../support/process.ts';

const kindOfProtocol = {
  QWEN_IMAGE_GGUF: 'TEXT_TO_IMAGE',
  FAST_WHISPER: 'SPEECH_TO_TEXT',
  OPENAI: 'TEXT_TO_IMAGE',
  WHISPER_CPP: 'SPEECH_TO_TEXT',
} as const;

export interface AddNode {
  readonly model: string;
  readonly slots?: number;
  readonly protocol?: keyof typeof kindOfProtocol;
  readonly kind?: 'TEXT_TO_IMAGE' | 'SPEECH_TO_TEXT';
  readonly token?: string;
  /** What it answers when it is asked whether it is ready. */
  readonly answerReady?: (response: ServerResponse) => void;
}

export interface AttemptRow {
  readonly number: number;
  readonly outcome: string;
  readonly node: string;
}

/** What answers under an address: a process, or an app in this one. */
export type Server = Pick<ServerProcess, 'url'>;

/** Several servers on one database and one folder, and what talks to them. */
export interface Site extends AsyncDisposable {
  readonly databaseUrl: string;
  readonly database: Database;
  /** What every server is started with. */
  readonly variables: Readonly<Record<string, string>>;
  /** Starts a process; the end of the test ends it. */
  start(role?: Role, variables?: Record<string, string>, options?: SpawnOptions): Promise<ServerProcess>;
  /** The same in this process, for what is not to be killed; the end of the test closes it. */
  open(role?: Role, variables?: Record<string, string>): Promise<App>;
  /** As `kill -9` does, and the lease of the worker has run out. */
  kill(worker: ServerProcess): Promise<void>;
  /** Of the admin. */
  client(server: Server): Client;
  /** Starts an outside node and registers it; resolves to the node and its id. */
  addNode(server: Server, options: AddNode): Promise<OutsideNode & { readonly id: string }>;
  /** Registers what runs already. */
  register(server: Server, name: string, node: OutsideNode, options: AddNode): Promise<string>;
  attempts(taskId: string): Promise<AttemptRow[]>;
  /** Resolves when no task is left to do, and proves that the database is in order then. */
  expectOrder(timeout?: number): Promise<void>;
}

const REGISTER = `mutation ($input: RegisterNodeInput!) {
  registerNode(input: $input) { ... on GpuNode { id } ... on Error { message } }
}`;

/** Resolves when the task has an event of that type, to the event. */
export async function eventOf(client: Client, taskId: string, type: TaskEventType): Promise<TaskEvent> {
  for await (const event of client.events(taskId, { signal: AbortSignal.timeout(90_000) })) {
    if (event.type === type) return event;
  }
  throw new Error(`the task ended without ${type}`);
}

/** Resolves when the task is final. */
export async function ended(client: Client, taskId: string): Promise<Task> {
  for await (const task of client.watch(taskId, { signal: AbortSignal.timeout(90_000) })) {
    if (isFinal(task)) return task;
  }
  throw new Error('the task has gone');
}

export function picture(model: string, prompt = 'a red fox'): SubmitTaskInput {
  return { task: { textToImage: { prompt, width: 32, height: 32, model } } };
}

async function fulfilled<T>(starts: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(starts);
  return settled.filter((start) => start.status === 'fulfilled').map(({ value }) => value);
}

/** @param databaseUrl of a migrated database; by default a new one on the cluster of the test run */
export async function openSite(databaseUrl?: string): Promise<Site> {
  const created = databaseUrl === undefined ? await createTestDatabase() : null;
  const url = databaseUrl ?? created?.url ?? '';
  const database = await openDatabase({ url, log: testLog, poolSize: 4, lanes: 1 });
  const folder = await mkdtemp(path.join(tmpdir(), 'switchyard-site-'));
  const variables = {
    DATABASE_URL: url,
    DATA_DIR: folder,
    JWT_SECRET: 'a secret that only tests know, and all of them',
    ADMIN_KEY: adminKey,
    MIGRATE_AT_START: 'false',
    HEALTH_CHECK_INTERVAL_MS: '1000',
    DRAIN_TIMEOUT_MS: '3000',
    LOG_LEVEL: process.env.TEST_LOG ?? 'info',
  };
  const servers: Promise<ServerProcess>[] = [];
  const apps: Promise<App>[] = [];
  const clients: Client[] = [];
  const nodes: OutsideNode[] = [];

  async function register(
    server: Server,
    name: string,
    node: OutsideNode,
    { model, slots = 1, kind = kindOfProtocol[node.protocol], token }: AddNode,
  ): Promise<string> {
    const offers = [{ kind, models: [model] }];
    const input = { name, url: node.url, protocol: node.protocol, slots, offers, token };
    const answer = await post<{ registerNode: { id: string } }>(server.url, adminKey, REGISTER, { input });
    expect(answer.registerNode).toHaveProperty('id');
    return answer.registerNode.id;
  }

  return {
    databaseUrl: url,
    database,
    variables,
    start(role = 'all', more = {}, options = {}) {
      const server = startServer({ ...variables, ...more }, ['--role', role], options);
      servers.push(server);
      return server;
    },
    kill: (worker) => killWorker(worker, database.pool),
    open(role = 'all', more = {}) {
      const app = createApp(loadConfig({ ...variables, PORT: '0', ...more }, role), testLog);
      apps.push(app);
      return app;
    },
    client(server) {
      const client = createClient({ url: server.url, token: adminKey, retries: 60 });
      clients.push(client);
      return client;
    },
    async addNode(server, options) {
      const { protocol = 'OPENAI', token = null, model, answerReady = null } = options;
      const node = await startOutsideNode(protocol, { token });
      nodes.push(node);
      node.answerReady(answerReady);
      return Object.assign(node, { id: await register(server, `${model}-${nodes.length}`, node, options) });
    },
    register,
    async attempts(taskId) {
      const { rows } = await database.pool.query<AttemptRow>(
        `SELECT a.number, a.outcome, n.name AS node FROM task_attempt a JOIN gpu_node n ON n.id = a.node_id
         WHERE a.task_id = $1 ORDER BY a.number`,
        [decodeId('Task', taskId)],
      );
      return rows;
    },
    async expectOrder(timeout = 40_000) {
      const open = `SELECT (SELECT count(*) FROM task WHERE status IN ('SCHEDULED', 'BLOCKED', 'QUEUED', 'RUNNING'))
        + (SELECT count(*) FROM slot WHERE task_id IS NOT NULL) AS open`;
      const wait = { timeout, interval: 50 };
      await vi.waitUntil(async () => Number((await database.pool.query(open)).rows[0].open) === 0, wait);
      await expectAllDone(database);
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.close();
      // Also those that a test did not wait for, since it failed before they were ready.
      const [started, open] = [await fulfilled(servers), await fulfilled(apps)];
      await Promise.all([
        ...started.map((server) => server.end('SIGKILL')),
        ...open.map((app) => app.close()),
      ]);
      await Promise.all(nodes.map((node) => node.die()));
      await database.close();
      await created?.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
