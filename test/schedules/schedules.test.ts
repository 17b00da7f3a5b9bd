import { describe, expect, it } from 'vitest';
import { decodeId, newId } from '../../src/ids.ts';
import { beginRuns } from '../../src/schedules/due.ts';
import { createSchedules } from '../../src/schedules/index.ts';
import type { Json } from '../http/support.ts';
import { testLog } from '../support/log.ts';
import { fox, useScheduling } from './support.ts';

const open = useScheduling({ variables: { TIERS: '{"PRO":{"waiting":1}}' } });

describe('a new schedule', () => {
  it('tells what it does, and when next', async () => {
    const { api, create } = open();
    const person = await api.person();
    const before = Date.now();
    const made = await create(person, fox({ cron: ' 30 7 * * MON-FRI ', timeZone: 'Europe/Berlin' }));
    expect(made).toMatchObject({
      ...{ __typename: 'Schedule', id: expect.stringMatching(/^schedule_/), name: 'fox', paused: false },
      ...{ cron: '30 7 * * MON-FRI', timeZone: 'Europe/Berlin' },
      ...{ kind: 'TEXT_TO_IMAGE', model: null, input: { prompt: 'a fox', count: 1 } },
    });
    const local = new Intl.DateTimeFormat('en', { timeZone: 'Europe/Berlin', timeStyle: 'short' });
    const times = Object.values(made.nextRuns ?? {}).map((time) => new Date(String(time)));
    expect(times.map((time) => local.format(time))).toEqual(['7:30 AM', '7:30 AM', '7:30 AM']);
    expect(times[0]?.getTime()).toBeGreaterThan(before);
  });

  it('is the same one when it is made again, and refused under a name that is taken', async () => {
    const { api, create } = open();
    const [person, other] = [await api.person(), await api.person()];
    const first = await create(person, fox());
    expect((await create(person, fox())).id).toBe(first.id);
    const taken = 'you have another schedule of this name: delete that first, or choose another name';
    expect(await create(person, fox({ cron: '0 8 * * *' }))).toMatchObject({
      issues: [{ path: 'name', message: taken }],
    });
    expect((await create(other, fox())).id).not.toBe(first.id);
    const together = await Promise.all(Array.from({ length: 5 }, () => create(person, fox({ name: 'owl' }))));
    expect(new Set(together.map(({ id }) => id)).size).toBe(1);
  });

  it('is told everything that is wrong at once', async () => {
    const { api, create } = open();
    const textToImage = { prompt: 'a fox', width: 3 };
    const wrong = { name: ' ', cron: '61 * * * *', timeZone: 'berlin', task: { task: { textToImage } } };
    const { issues } = await create(await api.person(), fox(wrong));
    expect(issues).toEqual([
      { path: 'name', message: 'must have 1 to 100 characters' },
      {
        path: 'cron',
        message: expect.stringContaining('such as "30 7 * * MON-FRI": Constraint error, got value 61'),
      },
      {
        path: 'timeZone',
        message: 'must be a name of the IANA time zone database; did you mean Europe/Berlin?',
      },
      { path: 'task.task.textToImage.width', message: expect.stringContaining('at least 16') },
    ]);
    const never = await create(await api.person(), fox({ cron: '0 0 31 2,4 *' }));
    expect(never.issues).toEqual([{ path: 'cron', message: 'must have a day that comes' }]);
  });

  it('takes nothing that makes sense for one task only', async () => {
    const { api, create } = open();
    const once = {
      startAt: '2099-01-01T00:00:00Z',
      idempotencyKey: 'k',
      waitMs: 5,
      deadline: '2099-01-01T00:00:00Z',
    };
    const task = { task: { textToImage: { prompt: 'a fox' } }, ...once };
    const { issues } = await create(await api.person(), fox({ task }));
    expect(Object.values(issues ?? {}).map(({ path }) => path)).toEqual([
      ...['task.startAt', 'task.deadline', 'task.idempotencyKey', 'task.waitMs'],
    ]);
  });

  it('asks for a model that there is, and is one of a hundred at most', async () => {
    const { api, create } = open();
    const person = await api.person();
    const task = { task: { textToImage: { prompt: 'a fox', model: 'nowhere' } } };
    expect(await create(person, fox({ task }))).toMatchObject({ __typename: 'NoSuchModelError' });
    await create(person, fox());
    await api.services.database.pool.query(
      `INSERT INTO schedule (id, user_id, name, cron, time_zone, submission, hash)
       SELECT gen_random_uuid(), user_id, 'more ' || n, cron, time_zone, submission, hash
       FROM schedule, generate_series(1, 99) AS n WHERE user_id = $1`,
      [person.user.id],
    );
    expect(await create(person, fox({ name: 'one too many' }))).toMatchObject({
      ...{ __typename: 'QuotaExceededError', code: 'QUOTA_EXCEEDED' },
    });
    expect(await create(person, fox())).toMatchObject({ __typename: 'Schedule' });
  });
});

describe('when its time has come, a schedule', () => {
  it('submits its task, with what was asked for, and waits for its next time', async () => {
    const { api, schedule, makeDue, read } = open();
    const person = await api.person();
    const id = await schedule(person, {
      task: {
        task: { textToImage: { prompt: 'a fox', width: 64 } },
        priority: 'HIGH',
        labels: { by: 'clock' },
      },
    });
    const nextRuns = (await read(person, id)).nextRuns;
    expect(await api.services.schedules.runDue()).toBe(0);
    await makeDue(id);
    expect(await api.services.schedules.runDue()).toBe(1);
    expect(await api.services.schedules.runDue()).toBe(0);
    expect(await read(person, id)).toMatchObject({
      nextRuns,
      runs: [
        { missedSince: null, error: null, nextTryAt: null, task: { id: expect.stringMatching(/^task_/) } },
      ],
      tasks: {
        edges: [
          {
            node: {
              ...{ status: 'QUEUED', input: { prompt: 'a fox', width: 64, count: 1 }, model: 'qwen-image' },
              // As its owner's tier allows.
              ...{ priority: 'NORMAL', labels: { by: 'clock' } },
            },
          },
        ],
      },
    });
  });

  it('runs once for all that was missed while nobody was there', async () => {
    const { api, schedule, makeDue, read } = open();
    const person = await api.person();
    const id = await schedule(person, { cron: '*/5 * * * *' });
    await makeDue(id, '3 days');
    expect(await api.services.schedules.runDue()).toBe(1);
    const { runs } = await read(person, id);
    expect(Object.keys(runs ?? {})).toHaveLength(1);
    const { at, missedSince } = runs?.[0] ?? {};
    const age = Date.now() - Date.parse(String(at));
    expect(age).toBeLessThan(6 * 60_000);
    expect(Date.parse(String(at)) % 300_000).toBe(0);
    expect(Date.now() - Date.parse(String(missedSince))).toBeGreaterThan(2.9 * 24 * 3_600_000);
  });

  it('does nothing while it is paused, and makes up for nothing when it is resumed', async () => {
    const { api, schedule, makeDue, read } = open();
    const person = await api.person();
    const id = await schedule(person);
    const pause = async (paused: boolean): Promise<Json> =>
      (
        await api.send(
          'mutation ($id: ID!, $paused: Boolean!) { pauseSchedule(id: $id, paused: $paused) { ... on Schedule { paused nextRuns } } }',
          { as: person, variables: { id, paused } },
        )
      ).data.pauseSchedule as Json;
    await makeDue(id, '1 hour');
    expect(await pause(true)).toEqual({ paused: true, nextRuns: [] });
    expect(await api.services.schedules.runDue()).toBe(0);
    expect(await pause(false)).toMatchObject({ paused: false, nextRuns: { length: 5 } });
    expect(await api.services.schedules.runDue()).toBe(0);
    await makeDue(id);
    // It runs already: that keeps the time that it waits for.
    await pause(false);
    expect(await api.services.schedules.runDue()).toBe(1);
    expect(Object.keys((await read(person, id)).runs ?? {})).toHaveLength(1);
  });

  it('tells its owner why there is no task, and goes on the next time', async () => {
    const { api, schedule, makeDue, read } = open();
    const { services } = api;
    const node = await services.nodes.register({
      ...{ name: newId(), url: 'http://127.0.0.1:9', protocol: 'OPENAI', slots: 1 },
      offers: [{ kind: 'TEXT_TO_IMAGE', models: ['passing'] }],
    });
    const person = await api.person();
    const id = await schedule(person, { task: { task: { textToImage: { prompt: 'x', model: 'passing' } } } });
    await services.nodes.remove(node.id);
    await makeDue(id);
    expect(await services.schedules.runDue()).toBe(0);
    const [failed] = Object.values((await read(person, id)).runs ?? {});
    expect(failed).toMatchObject({ task: null, error: { code: 'NO_SUCH_MODEL' }, nextTryAt: null });
    await services.accounts.updateUser(person.user.id, { disabled: true });
    await makeDue(id, '0 seconds');
    await services.schedules.runDue();
    await services.accounts.updateUser(person.user.id, { disabled: false });
    const { runs } = await read(person, id);
    expect(runs).toMatchObject([
      { error: { code: 'INVALID_STATE', message: 'the account is disabled' } },
      {},
    ]);
  });

  it('tries again where that may help, and has one task in the end', async () => {
    const { api, schedule, makeDue, read } = open();
    const { schedules, database, tasks } = api.services;
    const person = await api.person('USER', 'PRO');
    const [id, other] = [await schedule(person), await schedule(person, { name: 'owl' })];
    await makeDue(id);
    await schedules.runDue();
    await makeDue(other);
    expect(await schedules.runDue()).toBe(0);
    const waiting = await read(person, other);
    expect(waiting).toMatchObject({ runs: [{ task: null, error: { code: 'QUOTA_EXCEEDED' } }] });
    expect(Date.parse(String(waiting.runs?.[0]?.nextTryAt))).toBeGreaterThan(Date.now());
    const first = String((await read(person, id)).tasks?.edges?.[0]?.node?.id);
    await tasks.cancel(decodeId('Task', first) ?? '');
    await database.pool.query(
      "UPDATE schedule_run SET due_at = now() - interval '1 ms' WHERE due_at IS NOT NULL",
    );
    expect(await schedules.runDue()).toBe(1);
    expect(await read(person, other)).toMatchObject({
      runs: [{ task: { id: expect.stringMatching(/^task_/) }, error: null, nextTryAt: null }],
    });
  });

  it('gives up what never helps after an hour', async () => {
    const { api, schedule, makeDue, read } = open();
    const { schedules, database } = api.services;
    const person = await api.person('USER', 'PRO');
    const id = await schedule(person);
    await makeDue(id);
    await schedules.runDue();
    const other = await schedule(person, { name: 'owl' });
    await makeDue(other, '2 hours');
    await schedules.runDue();
    expect(await read(person, other)).toMatchObject({
      runs: [{ error: { code: 'QUOTA_EXCEEDED' }, nextTryAt: null }],
    });
    await database.pool.query("UPDATE schedule_run SET at = at - interval '31 days'");
    expect(await schedules.forgetOldRuns()).toBeGreaterThan(1);
    expect((await read(person, other)).runs).toEqual([]);
  });
});

describe('the task of a time', () => {
  it('is one, however many processes submit it, and wherever one of them is lost', async () => {
    const { api, schedule, makeDue } = open();
    const { services } = api;
    const { pool } = services.database;
    const person = await api.person();
    const names = Array.from({ length: 20 }, (_, n) => `fox ${n}`);
    const ids = await Promise.all(names.map((name) => schedule(person, { name })));
    const due = () => Promise.all(ids.map((id) => makeDue(id)));
    const counts = async () => {
      const { rows } = await pool.query(
        `SELECT (SELECT count(*)::int FROM task WHERE user_id = $1) AS tasks, count(*)::int AS runs,
                count(due_at)::int AS open, count(error)::int AS failed
         FROM schedule_run JOIN schedule s ON s.id = schedule_id WHERE user_id = $1`,
        [person.user.id],
      );
      return rows[0];
    };
    const others = Array.from({ length: 3 }, () =>
      createSchedules({ ...services, config: { taskRetentionDays: 30 }, log: testLog }),
    );
    await due();
    await Promise.all([services.schedules, ...others].map((one) => one.runDue()));
    expect(await counts()).toEqual({ tasks: 20, runs: 20, open: 0, failed: 0 });
    // Lost when it had submitted the tasks, and before it had said so.
    await pool.query("UPDATE schedule_run SET due_at = now() - interval '1 ms'");
    await Promise.all([services.schedules, ...others].map((one) => one.runDue()));
    expect(await counts()).toEqual({ tasks: 20, runs: 20, open: 0, failed: 0 });
    // Lost when it had begun the runs, and before it had submitted anything.
    await due();
    await beginRuns(services.database, testLog);
    expect(await counts()).toEqual({ tasks: 20, runs: 40, open: 20, failed: 0 });
    await Promise.all(others.map((one) => one.runDue()));
    expect(await counts()).toEqual({ tasks: 40, runs: 40, open: 0, failed: 0 });
  });
});
