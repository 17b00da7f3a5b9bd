import { PgBoss } from 'pg-boss';
import { expect, test } from 'vitest';
import { newId, randomId } from '../../src/ids.ts';
import { useYard } from '../support/yard.ts';

const open = useYard();

/** What pg-boss 12.35's fetch sends for a queue of ours, its blanks made one each. */
const FETCH = `WITH next AS (
  SELECT j.id FROM pgboss.job_common j
  WHERE j.name = '$NAME' AND j.state < 'active' AND NOT j.blocked AND j.start_after <= pgboss.job_now()
  ORDER BY j.priority desc, j.created_on LIMIT 1 FOR UPDATE OF j SKIP LOCKED )
UPDATE pgboss.job_common j SET state = 'active', started_on = pgboss.job_now(), heartbeat_on = pgboss.job_now(),
  retry_count = CASE WHEN started_on IS NOT NULL THEN retry_count + 1 ELSE retry_count END
FROM next WHERE name = '$NAME' AND j.id = next.id RETURNING j.`;

const oneBlankEach = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();

test('pg-boss fetches as it did when our own statement was written', async () => {
  const { database, queue } = open();
  const { name } = await queue.ensure('TEXT_TO_IMAGE', 'pinned');
  const texts: string[] = [];
  const boss = new PgBoss({
    db: {
      executeSql: (text, values) => {
        texts.push(text);
        return database.pool.query(text, values);
      },
    },
    migrate: false,
    supervise: false,
    schedule: false,
  });
  await boss.start();
  try {
    await boss.fetch(name);
  } finally {
    await boss.stop({ graceful: false });
  }
  const sent = texts.map(oneBlankEach).filter((text) => text.includes('SKIP LOCKED'));
  expect(sent.length).toBe(1);
  expect(sent[0]?.startsWith(oneBlankEach(FETCH.replaceAll('$NAME', name)))).toBe(true);
});

test('a job that we take is left as by a fetch of pg-boss, at first and after it failed', async () => {
  const { database, queue, sql } = open();
  const row = await queue.ensure('TEXT_TO_IMAGE', 'alike');
  const boss = new PgBoss({
    db: { executeSql: (text, values) => database.pool.query(text, values) },
    migrate: false,
    supervise: false,
    schedule: false,
  });
  await boss.start();
  const { transact } = database.lanes;
  const common = { taskId: newId(), userId: newId(), cost: 1, taskPriority: 'NORMAL' as const };
  const [ours, theirs] = [randomId(), randomId()];
  const read = async (id: string) => {
    const [found] = await sql<Record<string, unknown>>(
      `SELECT to_jsonb(j) - 'id' - 'created_on' - 'start_after' - 'keep_until' - 'started_on' - 'heartbeat_on'
         - 'priority' AS rest, started_on = heartbeat_on AS "isAlive"
       FROM pgboss.job_common j WHERE name = $1 AND id = $2`,
      [row.name, id],
    );
    return found;
  };
  try {
    const jobs = [
      { ...common, id: theirs, priority: 2 },
      { ...common, id: ours, priority: 1 },
    ];
    await transact(async (tx) => (await queue.insert(tx, row, jobs)).answer);
    for (const retryCount of [0, 1]) {
      const [fetched] = await boss.fetch(row.name, { includeMetadata: true });
      const [taken] = await transact((tx) => queue.take(tx, [{ queue: row, id: ours }]));
      expect([fetched?.id, taken?.id]).toEqual([theirs, ours]);
      expect([fetched?.retryCount, taken?.retryCount]).toEqual([retryCount, retryCount]);
      expect(await read(ours)).toEqual(await read(theirs));
      const attempts = [ours, theirs].map((id) => ({ id, retryCount }));
      await transact(async (tx) => (await queue.fail(tx, row, attempts)).answer);
    }
  } finally {
    await boss.stop({ graceful: false });
  }
  await transact(async (tx) => (await queue.cancel(tx, row, [ours, theirs])).answer);
});
