import { describe, expect, it } from 'vitest';
import { decodeId, encodeId, newId } from '../../src/ids.ts';
import { pixel } from '../http/work.ts';
import { fewestStatements } from '../support/statements.ts';
import { useScheduling } from './support.ts';

const open = useScheduling({ variables: { TIERS: '{"PRO":{"waiting":1}}' } });

describe('the files of a schedule', () => {
  it('stay as long as it does, whatever becomes of its tasks', async () => {
    const { api, schedule, makeDue, read } = open();
    const { artifacts, database, tasks, schedules } = api.services;
    const person = await api.person();
    const artifact = await artifacts.save({ userId: person.user.id, bytes: pixel });
    const artifactId = encodeId('Artifact', artifact.id);
    await api.services.nodes.register({
      ...{ name: newId(), url: 'http://127.0.0.1:9', protocol: 'OPENAI', slots: 1 },
      offers: [{ kind: 'IMAGE_TO_IMAGE', models: ['editor'] }],
    });
    const id = await schedule(person, {
      task: { task: { imageToImage: { image: { artifactId }, prompt: 'at night' } } },
    });
    const isThere = async () => (await database.prisma.artifact.count({ where: { id: artifact.id } })) === 1;
    const collect = async () => {
      await database.pool.query("UPDATE artifact SET created_at = now() - interval '2 days'");
      await artifacts.collectGarbage();
    };
    await makeDue(id);
    await schedules.runDue();
    const { tasks: ran } = await read(person, id);
    expect(ran).toMatchObject({ edges: [{ node: { input: { image: { artifactId } } } }] });
    const taskId = decodeId('Task', String(ran?.edges?.[0]?.node?.id)) ?? '';
    await tasks.cancel(taskId);
    await tasks.remove(taskId);
    await collect();
    expect(await isThere()).toBe(true);
    expect(await read(person, id)).toMatchObject({
      runs: [{ task: null, error: null }],
      tasks: { edges: [] },
    });
    const gone = 'mutation ($id: ID!) { deleteSchedule(id: $id) { ... on DeletePayload { id } } }';
    expect((await api.send(gone, { as: person, variables: { id } })).data).toEqual({
      deleteSchedule: { id },
    });
    await collect();
    expect(await isThere()).toBe(false);
    expect(await schedules.runDue()).toBe(0);
  });
});

describe('a list of schedules', () => {
  it('takes the same number of statements for one and for twenty, with all that ran', async () => {
    const { api, schedule, makeDue } = open();
    const list = `{ schedules { id nextRuns tasks(first: 3) { edges { node { id input } } pageInfo { hasNextPage } }
      runs(first: 3) { at task { id labels } error { code } } } }`;
    const measure = async (count: number) => {
      const person = await api.person();
      const make = async (n: number) => makeDue(await schedule(person, { name: `fox ${n}` }));
      await Promise.all(Array.from({ length: count }, (_, n) => make(n)));
      await api.services.schedules.runDue();
      let tasks = 0;
      const statements = await fewestStatements(async () => {
        const { data } = await api.send(list, { as: person });
        const rows = Object.values(data.schedules ?? {});
        tasks = rows.flatMap((row) => Object.keys(row.tasks?.edges ?? {})).length;
      });
      return { tasks, statements };
    };
    const [one, twenty] = [await measure(1), await measure(20)];
    expect([one.tasks, twenty.tasks]).toEqual([1, 20]);
    expect(twenty.statements).toBe(one.statements);
  });

  it('has pages of what ran, newest first', async () => {
    const { api, schedule, makeDue, rowId } = open();
    const person = await api.person('USER', 'VIP');
    const id = await schedule(person, { cron: '* * * * *' });
    for (let n = 0; n < 3; n++) {
      await makeDue(id, `${n} minutes`);
      await api.services.schedules.runDue();
      const shift = "UPDATE schedule_run SET at = at - interval '10 minutes' WHERE schedule_id = $1";
      await api.services.database.pool.query(shift, [rowId(id)]);
    }
    const query = `query ($id: ID!, $after: String) { node(id: $id) { ... on Schedule {
      tasks(first: 2, after: $after) { edges { node { id } } pageInfo { hasNextPage endCursor } } } } }`;
    const page = async (after: unknown) =>
      (await api.send(query, { as: person, variables: { id, after } })).data.node?.tasks;
    const first = await page(null);
    const second = await page(first?.pageInfo?.endCursor);
    const ids = [first, second].flatMap((part) =>
      Object.values(part?.edges ?? {}).map(({ node }) => node?.id),
    );
    expect([first?.pageInfo?.hasNextPage, second?.pageInfo?.hasNextPage]).toEqual([true, false]);
    expect(ids).toHaveLength(3);
    expect(ids.map(String)).toEqual(ids.map(String).toSorted().reverse());
  });
});
