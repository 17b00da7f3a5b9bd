import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { decodeId } from '../../src/ids.ts';
import { type Api, startApi } from '../http/support.ts';
import { joinWork, registerNode } from '../http/work.ts';

let api: Api;

beforeAll(async () => {
  api = await startApi();
  await registerNode(api);
});

afterAll(() => api[Symbol.asyncDispose]());

const SUCCEED = `
  WITH t AS (UPDATE task SET status = 'SUCCEEDED', version = version + 1, finished_at = now() WHERE id = $1
             RETURNING id, version, attempt),
  a AS (UPDATE task_attempt SET outcome = 'SUCCEEDED', ended_at = now() WHERE task_id = $1)
  INSERT INTO task_event (task_id, version, type, status, attempt)
  SELECT id, version, 'SUCCEEDED', 'SUCCEEDED', attempt FROM t`;

it('tells attempts and events of a task as they were at the version that it tells', async () => {
  const as = await api.person();
  const work = await joinWork(api);
  const submit =
    'mutation { submitTask(input: { task: { textToImage: { prompt: "x" } } }) { ... on Task { id } } }';
  const { data } = await api.send(submit, { as });
  const { id } = data.submitTask as unknown as { id: string };
  await work.start();

  // Between the reads of the task and of what belongs to it, the task succeeds.
  const other = new pg.Client({ connectionString: api.services.database.url });
  await other.connect();
  try {
    await other.query('BEGIN');
    await other.query('LOCK TABLE task_attempt, task_event IN ACCESS EXCLUSIVE MODE');
    const query = `{ task(id: "${id}") { version status attempts { number outcome endedAt } events { version } } }`;
    const answer = api.send(query, { as });
    const waiting = `SELECT FROM pg_locks WHERE NOT granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND relation IN ('task_attempt'::regclass, 'task_event'::regclass)`;
    await expect.poll(async () => (await other.query(waiting)).rowCount).toBe(2);
    await other.query(SUCCEED, [decodeId('Task', id)]);
    await other.query('COMMIT');
    expect((await answer).data.task).toEqual({
      version: 2,
      status: 'RUNNING',
      attempts: [{ number: 1, outcome: 'RUNNING', endedAt: null }],
      events: [{ version: 1 }, { version: 2 }],
    });
    const after = await api.send(query, { as });
    expect(after.data.task).toMatchObject({ version: 3, attempts: [{ outcome: 'SUCCEEDED' }] });
  } finally {
    await other.end();
  }
});
