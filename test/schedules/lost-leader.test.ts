import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, vi } from 'vitest';
import { type ServerProcess, startServer } from '../support/process.ts';
import { useScheduling } from './support.ts';

const open = useScheduling();
const SCHEDULES = 60;

it('submits one task for each time where the leader is killed at that moment', {
  timeout: 90_000,
}, async () => {
  const { api, schedule, rowId } = open();
  const { database } = api.services;
  const person = await api.person('USER', 'VIP');
  const names = Array.from({ length: SCHEDULES }, (_, n) => `fox ${n}`);
  const ids = await Promise.all(names.map((name) => schedule(person, { name })));
  const folder = await mkdtemp(path.join(tmpdir(), 'switchyard-leader-'));
  const variables = {
    ...{ DATABASE_URL: database.url, DATA_DIR: folder, LOG_LEVEL: 'info' },
    JWT_SECRET: 'a secret that only tests know, and all of them',
  };
  const servers: ServerProcess[] = [];
  try {
    const start = async () => servers.push(await startServer(variables, ['--role', 'worker']));
    await Promise.all([start(), start()]);
    const leads = /"name":"housekeeping".*"msg":"leads"/;
    const leader = await Promise.race(servers.map((server) => server.logged(leads).then(() => server)));
    const countOf = async (query: string): Promise<number> =>
      (await database.pool.query(query)).rows[0].count;
    // The leader comes as far as the tasks themselves, and what it has sent is still done when it is dead.
    const blocker = await database.pool.connect();
    await blocker.query('BEGIN; LOCK TABLE task IN SHARE MODE');
    const now = 'UPDATE schedule SET next_at = now() WHERE id = ANY ($1)';
    await database.pool.query(now, [ids.map(rowId)]);
    const begun = 'SELECT count(*)::int AS count FROM schedule_run';
    // Databases of tests are copies of one: so are the ids of their tables.
    const waiting = `
      SELECT count(*)::int AS count FROM pg_locks l JOIN pg_database d ON d.oid = l.database
      WHERE d.datname = current_database() AND l.relation = 'task'::regclass AND NOT l.granted`;
    await vi.waitFor(
      async () => {
        expect(await countOf(begun)).toBe(SCHEDULES);
        expect(await countOf(waiting)).toBeGreaterThan(0);
      },
      { timeout: 30_000, interval: 20 },
    );
    await leader.end('SIGKILL');
    expect(await countOf('SELECT count(*)::int AS count FROM task')).toBe(0);
    await blocker.query('ROLLBACK');
    blocker.release();
    const left = 'SELECT count(*)::int AS count FROM schedule_run WHERE due_at IS NOT NULL';
    await vi.waitFor(async () => expect(await countOf(left)).toBe(0), { timeout: 30_000, interval: 50 });
    const { rows } = await database.pool.query(
      `SELECT count(*)::int AS runs, count(DISTINCT schedule_id)::int AS schedules, count(t.id)::int AS tasks,
              (SELECT count(*)::int FROM task) AS all, count(error)::int AS failed
       FROM schedule_run r LEFT JOIN task t ON t.id = r.task_id`,
    );
    const each = { runs: SCHEDULES, schedules: SCHEDULES, tasks: SCHEDULES };
    expect(rows[0]).toEqual({ ...each, all: SCHEDULES, failed: 0 });
  } finally {
    await Promise.all(servers.map((server) => server.end('SIGKILL')));
    await rm(folder, { recursive: true, force: true });
  }
});
