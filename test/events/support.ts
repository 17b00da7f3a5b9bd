import type { Database, TaskEventType, TaskStatus } from '../../src/database/index.ts';
import { type Carrier, createCarrier, createFeed, type Feed, type TaskRow } from '../../src/events/index.ts';
import { newId } from '../../src/ids.ts';
import { openTestDatabase } from '../support/database.ts';
import { testLog } from '../support/log.ts';

/** A carrier that already listens. */
export async function openCarrier(url: string): Promise<Carrier & AsyncDisposable> {
  const carrier = createCarrier({ url, log: testLog });
  await new Promise<void>((resolve) => {
    const stop = carrier.listen(({ type }) => {
      if (type !== 'resync') return;
      stop();
      resolve();
    });
  });
  return Object.assign(carrier, { [Symbol.asyncDispose]: () => carrier.close() });
}

interface Stage extends AsyncDisposable {
  readonly database: Database;
  readonly carrier: Carrier;
  readonly feed: Feed;
  readonly tasks: TestTasks;
}

/** So long that only an announcement can have told of a change. */
export const NEVER_MS = 3_600_000;

/**
 * A database with a carrier, a feed and tasks to change.
 * @param recheckMs as of the feed
 */
export async function openStage(recheckMs?: number): Promise<Stage> {
  const database = await openTestDatabase();
  const carrier = await openCarrier(database.url);
  const feed = createFeed({
    ...{ database, carrier, log: testLog },
    ...(recheckMs === undefined ? {} : { recheckMs }),
  });
  return {
    database,
    carrier,
    feed,
    tasks: await createTestTasks(database),
    async [Symbol.asyncDispose]() {
      await feed.close();
      await carrier.close();
      await database[Symbol.asyncDispose]();
    },
  };
}

interface TestTasks {
  readonly userId: string;
  add(userId?: string): Promise<string>;
  /** Ids in the order of creation. */
  addMany(count: number, userId?: string): Promise<string[]>;
  addUser(): Promise<string>;
  /** Writes the next version, its event with it, and announces nothing. */
  change(ids: string | readonly string[], type: TaskEventType, status: TaskStatus): Promise<void>;
  progress(id: string, value: number): Promise<void>;
  remove(id: string): Promise<void>;
}

async function createTestTasks({ prisma, lanes, pool }: Database): Promise<TestTasks> {
  const queue = { id: newId(), kind: 'TEXT_TO_IMAGE', model: 'm', bossName: newId() };
  await prisma.queue.create({ data: queue });
  const addUser = async (): Promise<string> => {
    const id = newId();
    await prisma.user.create({ data: { id, username: id } });
    return id;
  };
  const userId = await addUser();
  async function addMany(count: number, owner = userId): Promise<string[]> {
    const ids = Array.from({ length: count }, newId);
    const settings = {
      status: 'QUEUED',
      priority: 'NORMAL',
      maxAttempts: 3,
      timeoutMs: 1000,
      cost: 1,
    } as const;
    const task = { userId: owner, queueId: queue.id, kind: queue.kind, model: queue.model, ...settings };
    const event = { version: 1, type: 'SUBMITTED', status: 'QUEUED', attempt: 0 } as const;
    await prisma.task.createMany({ data: ids.map((id) => ({ id, ...task })) });
    await prisma.taskData.createMany({ data: ids.map((taskId) => ({ taskId, input: { prompt: 'a cat' } })) });
    await prisma.taskEvent.createMany({ data: ids.map((taskId) => ({ taskId, ...event })) });
    return ids;
  }
  return {
    userId,
    addUser,
    addMany,
    async add(owner) {
      const [id = ''] = await addMany(1, owner);
      return id;
    },
    async change(ids, type, status) {
      await lanes.transact((tx) =>
        tx.query(
          `WITH t AS (
             UPDATE task SET version = version + 1, status = $3::task_status, updated_at = now()
             WHERE id = ANY ($1::uuid[]) RETURNING id, version, status, attempt)
           INSERT INTO task_event (task_id, version, type, status, attempt)
           SELECT id, version, $2::task_event_type, status, attempt FROM t`,
          [[ids].flat(), type, status],
        ),
      );
    },
    async progress(id, value) {
      await pool.query('UPDATE task SET progress = $2, updated_at = clock_timestamp() WHERE id = $1', [
        id,
        value,
      ]);
    },
    async remove(id) {
      await prisma.task.delete({ where: { id } });
    },
  };
}

/** How often something is asked of the database through that pool while `work` runs. */
export async function countQueries(
  { pool }: Database,
  matching: RegExp,
  work: () => Promise<void>,
): Promise<number> {
  const query = pool.query;
  let count = 0;
  const counting = (...args: unknown[]): unknown => {
    const [asked] = args;
    if (asked && typeof asked === 'object' && 'text' in asked && matching.test(String(asked.text))) count++;
    return Reflect.apply(query, pool, args);
  };
  Object.assign(pool, { query: counting });
  try {
    await work();
  } finally {
    Object.assign(pool, { query });
  }
  return count;
}

/** The next value of a stream that has not ended. */
export async function next<T>(stream: AsyncIterator<T>): Promise<T> {
  const result = await stream.next();
  if (result.done) throw new Error('the stream has ended');
  return result.value;
}

/** The next `count` values. */
export async function take<T>(stream: AsyncIterator<T>, count: number): Promise<T[]> {
  const values: T[] = [];
  while (values.length < count) values.push(await next(stream));
  return values;
}

/** Reads on until the latest versions by id satisfy `enough`: what is told at least once may be told again. */
export async function readUntil(
  stream: AsyncIterator<TaskRow>,
  enough: (rows: ReadonlyMap<string, number>) => boolean,
): Promise<void> {
  const rows = new Map<string, number>();
  while (!enough(rows)) {
    const { id, version } = await next(stream);
    rows.set(id, version);
  }
}
