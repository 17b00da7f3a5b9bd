import type { Database, TaskEventType, TaskStatus } from '../../src/database/index.ts';
import { type Carrier, createCarrier, createFeed, type Feed } from '../../src/events/index.ts';
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

/** A database with a carrier, a feed and tasks to change. */
/** So long that only an announcement can have told of a change. */
export const NEVER_MS = 3_600_000;

/** @param recheckMs as of the feed */
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
  addUser(): Promise<string>;
  /** Writes the next version, its event with it, and announces nothing. */
  change(id: string, type: TaskEventType, status: TaskStatus): Promise<void>;
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
  return {
    userId,
    addUser,
    async add(owner = userId) {
      const id = newId();
      await prisma.task.create({
        data: {
          id,
          userId: owner,
          queueId: queue.id,
          kind: queue.kind,
          model: queue.model,
          status: 'QUEUED',
          priority: 'NORMAL',
          maxAttempts: 3,
          timeoutMs: 1000,
          cost: 1,
          data: { create: { input: { prompt: 'a cat' } } },
          events: { create: { version: 1, type: 'SUBMITTED', status: 'QUEUED', attempt: 0 } },
        },
      });
      return id;
    },
    async change(id, type, status) {
      await lanes.transact((tx) =>
        tx.query(
          `WITH t AS (
             UPDATE task SET version = version + 1, status = $3::task_status, updated_at = now()
             WHERE id = $1 RETURNING id, version, status, attempt)
           INSERT INTO task_event (task_id, version, type, status, attempt)
           SELECT id, version, $2::task_event_type, status, attempt FROM t`,
          [id, type, status],
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
