import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll } from 'vitest';
import { defaultTiers, type Tiers } from '../../src/accounts/index.ts';
import type { Database, Task, Tier } from '../../src/database/index.ts';
import type { Carrier } from '../../src/events/announcement.ts';
import { createCarrier } from '../../src/events/index.ts';
import { newId } from '../../src/ids.ts';
import { createNodes, type Nodes } from '../../src/nodes/index.ts';
import { createQueue, type Queue } from '../../src/queue/index.ts';
import {
  type Claimed,
  createTasks,
  type Settlement,
  type Submission,
  type TaskFailure,
  type Tasks,
  type TasksConfig,
} from '../../src/tasks/index.ts';
import { openTestDatabase } from './database.ts';
import { testLog } from './log.ts';

/** The core of one process, as several of them share a database in these tests. */
export interface Process {
  readonly tasks: Tasks;
  readonly nodes: Nodes;
  readonly queue: Queue;
  readonly carrier: Carrier;
  /** Of a worker that has joined. */
  readonly workerId: string;
}

export interface Yard extends Process, AsyncDisposable {
  readonly database: Database;
  /** Another process on the same database; on connections of its own where it is given them. */
  another(connections?: Database): Promise<Process>;
  /** A new user's id. */
  addUser(tier?: Tier): Promise<string>;
  /** A healthy node that draws with the models. */
  addNode(options?: { name?: string; slots?: number; models?: string[]; protocol?: string }): Promise<string>;
  task(id: string): Promise<Task>;
  /** For what has no other way to pass, such as time. */
  sql<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>;
}

export interface YardOptions {
  readonly tiers?: Tiers;
  readonly config?: Partial<TasksConfig>;
}

export async function openYard({ tiers = defaultTiers, config = {} }: YardOptions = {}): Promise<Yard> {
  const database = await openTestDatabase();
  const closers: (() => Promise<void>)[] = [];

  async function open(database: Database): Promise<Process> {
    const carrier = createCarrier({ url: database.url, log: testLog });
    // What is announced before it listens, it does not hear.
    await new Promise<void>((resolve) => {
      const deafen = carrier.listen(({ type }) => {
        if (type !== 'resync') return;
        queueMicrotask(() => deafen());
        resolve();
      });
    });
    const nodes = createNodes({ database, carrier, log: testLog });
    const queue = await createQueue({ database, log: testLog });
    const tasks = createTasks({
      ...{ database, queue, carrier, nodes, tiers, log: testLog },
      config: {
        ...{ queueCapacity: 100_000, routingStrategy: 'least-loaded', taskRetentionDays: 30 },
        // Nobody renews here, and on a busy machine a file takes its time.
        leaseMs: 120_000,
        ...config,
      },
    });
    closers.push(async () => {
      await tasks.close();
      await queue.close();
      await nodes.close();
      await carrier.close();
    });
    const workerId = await tasks.join({ host: 'test', pid: process.pid, concurrency: 100 });
    return { tasks, nodes, queue, carrier, workerId };
  }

  const first = await open(database);
  return {
    ...first,
    database,
    another: (connections = database) => open(connections),
    async addUser(tier = 'VIP') {
      const id = newId();
      await database.prisma.user.create({ data: { id, username: id, tier } });
      return id;
    },
    async addNode({ name = newId(), slots = 1, models = ['fox'], protocol = 'openai' } = {}) {
      const offers = [{ kind: 'TEXT_TO_IMAGE', models }];
      const { id } = await first.nodes.register({ name, url: 'http://127.0.0.1:1', protocol, slots, offers });
      await database.prisma.gpuNode.update({ where: { id }, data: { healthy: true } });
      return id;
    },
    task: (id) => database.prisma.task.findUniqueOrThrow({ where: { id } }),
    sql: async (text, values = []) => (await database.pool.query(text, [...values])).rows,
    async [Symbol.asyncDispose]() {
      for (const close of closers) await close();
      await database[Symbol.asyncDispose]();
    },
  };
}

/** One for all tests of a file; each uses models of its own, and leaves nothing waiting. */
export function useYard(options?: YardOptions): () => Yard {
  let yard: Yard | undefined;
  beforeAll(async () => {
    yard = await openYard(options);
  });
  afterAll(() => yard?.[Symbol.asyncDispose]());
  return () => {
    if (!yard) throw new Error('the yard is opened before the first test');
    return yard;
  };
}

/** A picture of a fox, unless said otherwise. */
export function submission(userId: string, changes: Partial<Submission> = {}): Submission {
  const input = changes.input ?? { prompt: 'a fox', count: 1 };
  return {
    kind: 'TEXT_TO_IMAGE',
    model: 'fox',
    priority: 'NORMAL',
    startAt: null,
    deadline: null,
    timeoutMs: null,
    maxAttempts: 3,
    labels: null,
    idempotencyKey: null,
    inputHash: createHash('sha256').update(JSON.stringify(input)).digest(),
    artifactIds: [],
    ...changes,
    userId,
    input,
  };
}

export function success({ lease, queueId }: Claimed): Settlement {
  return {
    lease,
    queueId,
    gpuMs: 100,
    end: { type: 'succeeded', result: { images: ['x'] }, artifactIds: [] },
  };
}

export function failure(
  { lease, queueId }: Claimed,
  changes: Partial<TaskFailure> & { spendsAttempt?: boolean; retryAfterMs?: number | null } = {},
): Settlement {
  const { spendsAttempt = true, retryAfterMs = null, ...error } = changes;
  return {
    lease,
    queueId,
    gpuMs: 100,
    end: {
      type: 'failed',
      outcome: 'FAILED',
      error: {
        code: 'NODE_ERROR',
        message: 'the node is out of memory',
        retryable: true,
        attempt: lease.attempt,
        ...error,
      },
      spendsAttempt,
      retryAfterMs,
    },
  };
}

/** Runs every task that can be claimed to its success. */
export async function drain({ tasks, workerId }: Process): Promise<Claimed[]> {
  const all: Claimed[] = [];
  for (;;) {
    const claimed = await tasks.claim({ workerId, limit: 100 });
    if (claimed.length === 0) return all;
    all.push(...claimed);
    await Promise.all(claimed.map((one) => finish(tasks, success(one))));
  }
}

/** Frees the slot and settles, as a worker does. */
export async function finish(tasks: Tasks, settlement: Settlement): Promise<'settled' | 'stale'> {
  await tasks.freeSlot(settlement.lease, { gpuMs: settlement.gpuMs });
  return tasks.settle(settlement);
}

/** Claims, and expects exactly one. Resolves when the claim is announced: what is heard later is of something else. */
export async function claimOne({ tasks, workerId }: Process): Promise<Claimed> {
  const claimed = await tasks.claim({ workerId, limit: 100 });
  const [one] = claimed;
  if (!one || claimed.length > 1) throw new Error(`${claimed.length} tasks were claimed instead of one`);
  await nextTurn();
  return one;
}
