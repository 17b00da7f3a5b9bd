import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeId } from '../../src/ids.ts';
import { createSchema } from '../../src/schema/index.ts';
import { first } from '../http/streams.ts';
import { type Answer, type Api, type Person, startApi } from '../http/support.ts';
import { failure, joinWork, pixel, registerNode, type Work } from '../http/work.ts';

const callers = ['anonymous', 'stranger', 'owner', 'operator', 'admin'] as const;
type Caller = (typeof callers)[number];

/** What the five are told, in that order. */
type Row = readonly [string, string, string, string, string];

/** Nobody; whoever signed in; and so on. Where a name says "own", it is the owner's, for others to try. */
const everybody: Row = ['ok', 'ok', 'ok', 'ok', 'ok'];
const signedIn: Row = ['UNAUTHENTICATED', 'ok', 'ok', 'ok', 'ok'];
const operators: Row = ['UNAUTHENTICATED', 'FORBIDDEN', 'FORBIDDEN', 'ok', 'ok'];
const admins: Row = ['UNAUTHENTICATED', 'FORBIDDEN', 'FORBIDDEN', 'FORBIDDEN', 'ok'];
const seenByOwner: Row = ['UNAUTHENTICATED', 'null', 'ok', 'ok', 'ok'];
const foundByOwner: Row = ['UNAUTHENTICATED', 'NotFoundError', 'ok', 'ok', 'ok'];
const watchedByOwner: Row = ['UNAUTHENTICATED', 'NOT_FOUND', 'ok', 'ok', 'ok'];

interface Case {
  /** Of Query, Mutation or Subscription. */
  readonly field: string;
  readonly what?: string;
  readonly operation: string;
  readonly variables?: () => Promise<object> | object;
  readonly expected: Row;
}

let api: Api;
let work: Work;
let people: Record<Exclude<Caller, 'anonymous'>, Person>;
let nodes = 0;

beforeAll(async () => {
  api = await startApi({ variables: { TIERS: '{"FREE":{"perSecond":null}}' } });
  await registerNode(api, 'shared', 100);
  work = await joinWork(api);
  people = {
    stranger: await api.person(),
    owner: await api.person(),
    operator: await api.person('OPERATOR'),
    admin: await api.person('ADMIN'),
  };
});

afterAll(() => api[Symbol.asyncDispose]());

const estimate = 'query ($input: SubmitTaskInput!) { estimateTask(input: $input) { startAt } }';
const submit = `mutation ($input: SubmitTaskInput!) {
  submitTask(input: $input) { __typename ... on Task { id } ... on Error { message } }
}`;

async function ownTask(): Promise<{ id: string }> {
  const variables = { input: { task: { textToImage: { prompt: 'a lighthouse' } } } };
  const { data } = await api.send(submit, { as: people.owner, variables });
  return { id: String(data.submitTask?.id) };
}

async function ownFailedTask(): Promise<{ id: string }> {
  const task = await ownTask();
  for (const claimed of await work.start()) await work.finish(claimed, failure);
  return task;
}

async function ownArtifact(): Promise<{ id: string }> {
  const { id } = await api.services.artifacts.save({ userId: people.owner.user.id, bytes: pixel });
  return { id: encodeId('Artifact', id) };
}

async function ownKey(): Promise<{ id: string }> {
  const input = { name: 'another', expiresAt: null };
  const { apiKey } = await api.services.accounts.createApiKey(people.owner.user.id, input);
  return { id: encodeId('ApiKey', apiKey.id) };
}

const ownUser = (): { id: string } => ({ id: encodeId('User', people.owner.user.id) });

async function someNode(): Promise<{ id: string }> {
  return { id: encodeId('GpuNode', (await registerNode(api, `node-${++nodes}`)).id) };
}

const newNode = (more: object = {}): object => ({
  input: {
    ...more,
    name: `new-${++nodes}`,
    url: 'http://127.0.0.1:9',
    protocol: 'OPENAI',
    offers: [{ kind: 'TEXT_TO_IMAGE', models: ['another'] }],
  },
});

const byId = '($id: ID!)';
const union = '{ __typename ... on Error { message } }';
const heartbeat = `mutation ($input: NodeHeartbeatInput!) { nodeHeartbeat(input: $input) ${union} }`;
const nodeQuery = `query ${byId} { node(id: $id) { id } }`;

const cases: readonly Case[] = [
  { field: 'Query.me', operation: '{ me { id } }', expected: ['null', 'ok', 'ok', 'ok', 'ok'] },
  { field: 'Query.node', what: 'own task', operation: nodeQuery, variables: ownTask, expected: seenByOwner },
  {
    field: 'Query.node',
    what: 'own artifact',
    operation: nodeQuery,
    variables: ownArtifact,
    expected: seenByOwner,
  },
  {
    field: 'Query.node',
    what: 'own user',
    operation: nodeQuery,
    variables: ownUser,
    expected: ['UNAUTHENTICATED', 'null', 'ok', 'null', 'ok'],
  },
  {
    field: 'Query.node',
    what: 'own API key',
    operation: nodeQuery,
    variables: ownKey,
    expected: ['UNAUTHENTICATED', 'null', 'ok', 'null', 'null'],
  },
  {
    field: 'Query.node',
    what: 'GPU node',
    operation: nodeQuery,
    variables: someNode,
    expected: ['UNAUTHENTICATED', 'null', 'null', 'ok', 'ok'],
  },
  {
    field: 'Query.nodes',
    operation: `query ${byId} { nodes(ids: [$id]) { id } }`,
    variables: ownTask,
    expected: seenByOwner,
  },
  {
    field: 'Query.task',
    operation: `query ${byId} { task(id: $id) { id } }`,
    variables: ownTask,
    expected: seenByOwner,
  },
  { field: 'Query.tasks', operation: '{ tasks { edges { node { id } } } }', expected: signedIn },
  {
    field: 'Query.tasks',
    what: "of the owner's",
    operation: `query ${byId} { tasks(where: { userId: $id }) { edges { node { id } } } }`,
    variables: ownUser,
    expected: ['UNAUTHENTICATED', 'FORBIDDEN', 'ok', 'ok', 'ok'],
  },
  { field: 'Query.apiKeys', operation: '{ apiKeys { id } }', expected: signedIn },
  { field: 'Query.models', operation: '{ models { name } }', expected: signedIn },
  {
    field: 'Query.estimateTask',
    operation: estimate,
    variables: () => ({ input: { task: { speechToText: { audio: { url: 'https://example.com/a' } } } } }),
    expected: signedIn,
  },
  {
    field: 'Query.estimateTask',
    what: 'with own artifact',
    operation: estimate,
    variables: async () => ({
      input: { task: { speechToText: { audio: { artifactId: (await ownArtifact()).id } } } },
    }),
    expected: ['UNAUTHENTICATED', 'BAD_USER_INPUT', 'ok', 'BAD_USER_INPUT', 'BAD_USER_INPUT'],
  },
  { field: 'Query.stats', operation: '{ stats { workers { processes } } }', expected: signedIn },
  { field: 'Query.gpuNodes', operation: '{ gpuNodes { id } }', expected: operators },
  { field: 'Query.users', operation: '{ users { edges { node { id } } } }', expected: admins },
  {
    field: 'Mutation.register',
    operation: `mutation ($input: RegisterInput!) { register(input: $input) ${union} }`,
    variables: () => ({ input: { username: `user-${++nodes}`, password: 'correct horse battery' } }),
    expected: everybody,
  },
  {
    field: 'Mutation.login',
    operation: `mutation ($input: LoginInput!) { login(input: $input) ${union} }`,
    variables: async () => {
      const input = { username: `user-${++nodes}`, password: 'correct horse battery' };
      await api.services.accounts.createUser(input);
      return { input };
    },
    expected: everybody,
  },
  {
    field: 'Mutation.refreshToken',
    operation: `mutation ($input: RefreshTokenInput!) { refreshToken(input: $input) ${union} }`,
    variables: async () => ({ input: { refreshToken: await refreshToken() } }),
    expected: everybody,
  },
  {
    field: 'Mutation.logout',
    operation: `mutation ($input: RefreshTokenInput!) { logout(input: $input) ${union} }`,
    variables: async () => ({ input: { refreshToken: await refreshToken() } }),
    expected: everybody,
  },
  {
    field: 'Mutation.changePassword',
    what: 'without one',
    operation: `mutation ($input: ChangePasswordInput!) { changePassword(input: $input) ${union} }`,
    variables: () => ({ input: { currentPassword: 'a', newPassword: 'correct horse battery' } }),
    expected: [
      'UNAUTHENTICATED',
      'InvalidCredentialsError',
      'InvalidCredentialsError',
      'InvalidCredentialsError',
      'InvalidCredentialsError',
    ],
  },
  {
    field: 'Mutation.createApiKey',
    operation: `mutation { createApiKey(input: { name: "k" }) ${union} }`,
    expected: signedIn,
  },
  {
    field: 'Mutation.revokeApiKey',
    what: 'own key',
    operation: `mutation ${byId} { revokeApiKey(id: $id) ${union} }`,
    variables: ownKey,
    expected: ['UNAUTHENTICATED', 'NotFoundError', 'ok', 'NotFoundError', 'NotFoundError'],
  },
  {
    field: 'Mutation.submitTask',
    operation: submit,
    variables: () => ({ input: { task: { textToImage: { prompt: 'a mill' } } } }),
    expected: signedIn,
  },
  {
    field: 'Mutation.submitTask',
    what: 'with own artifact',
    operation: submit,
    variables: async () => ({
      input: { task: { speechToText: { audio: { artifactId: (await ownArtifact()).id } } } },
    }),
    expected: ['UNAUTHENTICATED', 'InvalidInputError', 'ok', 'InvalidInputError', 'InvalidInputError'],
  },
  {
    field: 'Mutation.cancelTask',
    operation: `mutation ${byId} { cancelTask(id: $id) ${union} }`,
    variables: ownTask,
    expected: foundByOwner,
  },
  {
    field: 'Mutation.retryTask',
    operation: `mutation ${byId} { retryTask(id: $id) ${union} }`,
    variables: ownFailedTask,
    expected: foundByOwner,
  },
  {
    field: 'Mutation.deleteTask',
    operation: `mutation ${byId} { deleteTask(id: $id) ${union} }`,
    variables: ownFailedTask,
    expected: foundByOwner,
  },
  {
    field: 'Mutation.registerNode',
    operation: `mutation ($input: RegisterNodeInput!) { registerNode(input: $input) ${union} }`,
    variables: () => newNode(),
    expected: operators,
  },
  {
    field: 'Mutation.updateNode',
    operation: `mutation ${byId} { updateNode(id: $id, input: { slots: 2 }) ${union} }`,
    variables: someNode,
    expected: operators,
  },
  {
    field: 'Mutation.drainNode',
    operation: `mutation ${byId} { drainNode(id: $id) ${union} }`,
    variables: someNode,
    expected: operators,
  },
  {
    field: 'Mutation.resumeNode',
    operation: `mutation ${byId} { resumeNode(id: $id) ${union} }`,
    variables: someNode,
    expected: operators,
  },
  {
    field: 'Mutation.removeNode',
    operation: `mutation ${byId} { removeNode(id: $id) ${union} }`,
    variables: someNode,
    expected: operators,
  },
  {
    field: 'Mutation.createNodeToken',
    operation: `mutation { createNodeToken(input: { name: "t" }) ${union} }`,
    expected: operators,
  },
  {
    field: 'Mutation.nodeHeartbeat',
    what: 'without a node token',
    operation: heartbeat,
    variables: () => newNode({ slots: 1 }),
    expected: ['UNAUTHENTICATED', 'FORBIDDEN', 'FORBIDDEN', 'FORBIDDEN', 'FORBIDDEN'],
  },
  {
    field: 'Mutation.updateUser',
    operation: `mutation ${byId} { updateUser(id: $id, input: { tier: PRO }) ${union} }`,
    variables: ownUser,
    expected: admins,
  },
  {
    field: 'Subscription.taskUpdated',
    operation: `subscription ${byId} { taskUpdated(id: $id) { id } }`,
    variables: ownTask,
    expected: watchedByOwner,
  },
  {
    field: 'Subscription.taskEvents',
    operation: `subscription ${byId} { taskEvents(id: $id) { version } }`,
    variables: ownTask,
    expected: watchedByOwner,
  },
  {
    field: 'Subscription.tasksUpdated',
    what: "of the owner's",
    operation: `subscription ${byId} { tasksUpdated(where: { userId: $id }, since: "2020-01-01T00:00:00Z") { id } }`,
    variables: ownUser,
    expected: ['UNAUTHENTICATED', 'FORBIDDEN', 'ok', 'ok', 'ok'],
  },
  {
    field: 'Subscription.gpuNodeUpdated',
    operation: 'subscription { gpuNodeUpdated { id } }',
    expected: operators,
  },
  {
    field: 'Subscription.stats',
    operation: 'subscription { stats { workers { processes } } }',
    expected: signedIn,
  },
];

async function refreshToken(): Promise<string> {
  const input = { username: `user-${++nodes}`, password: 'correct horse battery' };
  await api.services.accounts.createUser(input);
  return (await api.services.accounts.login(input, null)).refreshToken;
}

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
        const options = { ...(as ? { as } : {}), variables: await variables() };
        const isStream = field.startsWith('Subscription.');
        const answer = isStream ? await first(api, operation, options) : await api.send(operation, options);
        expect(told(answer)).toBe(expected[n]);
      });
    }
  }

  it('lists to each caller what he may see, and to operators everything', async () => {
    const own = await ownTask();
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
    const { id } = await ownTask();
    await work.start();
    const query = `query ($id: ID!) { task(id: $id) { gpuNode { id name url protocol status slots busySlots
      offers { kind } failures lastSeenAt } attempts { gpuNode { name url } } } }`;
    const read = async (as: Person) => (await api.send(query, { as, variables: { id } })).data.task;
    const name = expect.any(String);
    const hidden = { url: null, protocol: null, status: null, slots: null, busySlots: null };
    expect(await read(people.owner)).toEqual({
      gpuNode: {
        id: expect.stringMatching(/^node_/),
        name,
        ...hidden,
        offers: null,
        failures: null,
        lastSeenAt: null,
      },
      attempts: [{ gpuNode: { name, url: null } }],
    });
    expect(await read(people.operator)).toMatchObject({
      gpuNode: { name, url: 'http://127.0.0.1:9', protocol: 'OPENAI', status: 'HEALTHY', failures: 0 },
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
      const options = { headers, variables: await variables() };
      const isStream = field.startsWith('Subscription.');
      const answer = isStream ? await first(api, operation, options) : await api.send(operation, options);
      expect(told(answer), field).toBe(field === 'Mutation.nodeHeartbeat' ? 'ok' : 'FORBIDDEN');
    }
    const more = heartbeat.replace(/}$/, 'logout(input: { refreshToken: "x" }) { __typename } }');
    const options = { headers, variables: newNode({ slots: 1 }) };
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
