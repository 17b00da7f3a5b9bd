import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSchema } from '../../src/schema/index.ts';
import { first } from '../http/streams.ts';
import { type Answer, type Api, type Person, startApi } from '../http/support.ts';
import { joinWork, registerNode } from '../http/work.ts';
import { callers, cases, heartbeat, newNode, ownTask, type Stage } from './permissions/index.ts';

let stage: Stage;
let api: Api;
let people: Stage['people'];
let count = 0;

beforeAll(async () => {
  api = await startApi({ variables: { TIERS: '{"FREE":{"perSecond":null}}' } });
  await registerNode(api, 'shared', 100);
  people = {
    stranger: await api.person(),
    owner: await api.person(),
    operator: await api.person('OPERATOR'),
    admin: await api.person('ADMIN'),
  };
  stage = { api, work: await joinWork(api), people, unique: (prefix) => `${prefix}-${++count}` };
});

afterAll(() => api[Symbol.asyncDispose]());

/** What was told, in a word. */
function told({ data, errors }: Pick<Answer, 'data' | 'errors'>): string {
  const [error] = errors;
  if (error) return error.extensions.code;
  const [value] = Object.values(data);
  const only: unknown = Array.isArray(value) ? value[0] : value;
  if (only === null) return 'null';
  const typename = value?.__typename === undefined ? '' : String(value.__typename);
  return typename.endsWith('Error') ? typename : 'ok';
}

describe('who may do what', () => {
  for (const { field, what, operation, variables = () => ({}), expected } of cases) {
    for (const [n, caller] of callers.entries()) {
      it(`${field}${what ? ` (${what})` : ''}: ${caller} is told ${expected[n]}`, async () => {
        const as = caller === 'anonymous' ? undefined : people[caller];
        const options = { ...(as ? { as } : {}), variables: await variables(stage) };
        const isStream = field.startsWith('Subscription.');
        const answer = isStream ? await first(api, operation, options) : await api.send(operation, options);
        expect(told(answer)).toBe(expected[n]);
      });
    }
  }

  it('lists to each caller what he may see, and to operators everything', async () => {
    const own = await ownTask(stage);
    const list = '{ tasks(first: 1) { edges { node { id } } } }';
    const ids = async (as: Person) => {
      const { edges } = (await api.send(list, { as })).data.tasks ?? {};
      return Object.values(edges ?? []).map(({ node }) => node?.id);
    };
    expect(await ids(people.stranger)).not.toContain(own.id);
    expect(await ids(people.owner)).toEqual([own.id]);
    expect(await ids(people.operator)).toEqual([own.id]);
  });

  it('tells owners the id and the name of the node, and the rest to operators only', async () => {
    const { id } = await ownTask(stage);
    await stage.work.start();
    const query = `query ($id: ID!) { task(id: $id) { gpuNode { id name url protocol status slots busySlots
      offers { kind } loadedModels reportedModels circuit speed failures lastSeenAt } attempts { gpuNode { name url } } } }`;
    const read = async (as: Person) => (await api.send(query, { as, variables: { id } })).data.task;
    const name = expect.any(String);
    const hidden = { url: null, protocol: null, status: null, slots: null, busySlots: null };
    expect(await read(people.owner)).toEqual({
      gpuNode: {
        id: expect.stringMatching(/^node_/),
        name,
        ...hidden,
        offers: null,
        loadedModels: null,
        reportedModels: null,
        circuit: null,
        speed: null,
        failures: null,
        lastSeenAt: null,
      },
      attempts: [{ gpuNode: { name, url: null } }],
    });
    expect(await read(people.operator)).toMatchObject({
      gpuNode: {
        name,
        url: 'http://127.0.0.1:9',
        protocol: 'OPENAI',
        status: 'HEALTHY',
        circuit: 'CLOSED',
        failures: 0,
      },
      attempts: [{ gpuNode: { name, url: 'http://127.0.0.1:9' } }],
    });
  });

  it('tells of the nodes in stats to operators only', async () => {
    const query = '{ stats { nodes { slots } } }';
    expect((await api.send(query, { as: people.owner })).data).toEqual({ stats: { nodes: null } });
    expect((await api.send(query, { as: people.operator })).data.stats?.nodes?.slots).toBeGreaterThan(0);
  });

  it('lets a node token do nothing but send heartbeats, whatever it asks beside that', async () => {
    const { secret } = await api.services.nodes.tokens.create({ name: 'agents' });
    const headers = { authorization: `Bearer ${secret}` };
    for (const { field, operation, variables = () => ({}) } of cases) {
      const options = { headers, variables: await variables(stage) };
      const isStream = field.startsWith('Subscription.');
      const answer = isStream ? await first(api, operation, options) : await api.send(operation, options);
      expect(told(answer), field).toBe(field === 'Mutation.nodeHeartbeat' ? 'ok' : 'FORBIDDEN');
    }
    const more = heartbeat.replace(/}$/, 'logout(input: { refreshToken: "x" }) { __typename } }');
    const options = { headers, variables: newNode(stage, { slots: 1 }) };
    expect(told(await api.send(more, options))).toBe('FORBIDDEN');
    expect(told(await api.send('{ __typename }', { headers }))).toBe('FORBIDDEN');
    const artifact = await fetch(`${api.url}/artifacts/x`, { headers });
    expect(artifact.status).toBeGreaterThanOrEqual(400);
  });

  it('is tried for every field of the schema', () => {
    const schema = createSchema();
    const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
    const fields = roots.flatMap((root) =>
      Object.keys(root?.getFields() ?? {}).map((name) => `${root}.${name}`),
    );
    expect(new Set(cases.map(({ field }) => field))).toEqual(new Set(fields));
  });
});
