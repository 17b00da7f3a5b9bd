import { encodeId } from '../../src/ids.ts';
import type { Api, Person } from '../http/support.ts';
import { failure, pixel, registerNode, type Work } from '../http/work.ts';
import { batchCases } from './permissions-batches.ts';
import { knowledgeCases } from './permissions-knowledge.ts';
import { laterCases } from './permissions-later.ts';
import { webhookCases } from './permissions-webhooks.ts';

export const callers = ['anonymous', 'stranger', 'owner', 'operator', 'admin'] as const;
export type Caller = (typeof callers)[number];

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

export interface Case {
  /** Of Query, Mutation or Subscription. */
  readonly field: string;
  readonly what?: string;
  readonly operation: string;
  readonly variables?: (stage: Stage) => Promise<object> | object;
  readonly expected: Row;
}

/** Where it is tried: a server, work to be done on it, and those who try. */
export interface Stage {
  readonly api: Api;
  readonly work: Work;
  readonly people: Readonly<Record<Exclude<Caller, 'anonymous'>, Person>>;
  /** Another one each time. */
  unique(prefix: string): string;
}

const estimate = 'query ($input: SubmitTaskInput!) { estimateTask(input: $input) { startAt } }';
const submit = `mutation ($input: SubmitTaskInput!) {
  submitTask(input: $input) { __typename ... on Task { id } ... on Error { message } }
}`;

export async function ownTask({ api, people }: Stage): Promise<{ id: string }> {
  const variables = { input: { task: { textToImage: { prompt: 'a lighthouse' } } } };
  const { data } = await api.send(submit, { as: people.owner, variables });
  return { id: String(data.submitTask?.id) };
}

async function ownFailedTask(stage: Stage): Promise<{ id: string }> {
  const task = await ownTask(stage);
  for (const claimed of await stage.work.start()) await stage.work.finish(claimed, failure);
  return task;
}

async function ownArtifact({ api, people }: Stage): Promise<{ id: string }> {
  const { id } = await api.services.artifacts.save({ userId: people.owner.user.id, bytes: pixel });
  return { id: encodeId('Artifact', id) };
}

async function ownKey({ api, people }: Stage): Promise<{ id: string }> {
  const input = { name: 'another', expiresAt: null };
  const { apiKey } = await api.services.accounts.createApiKey(people.owner.user.id, input);
  return { id: encodeId('ApiKey', apiKey.id) };
}

const ownUser = ({ people }: Stage): { id: string } => ({ id: encodeId('User', people.owner.user.id) });

async function ownGeneration({ api, people }: Stage): Promise<{ id: string }> {
  const owner = { userId: people.owner.user.id, tier: people.owner.user.tier };
  const id = await api.services.generations.create(owner, { prompt: 'a mill', imageCount: 1 });
  return { id: encodeId('Generation', id) };
}

async function ownCanceledGeneration(stage: Stage): Promise<{ id: string }> {
  const { id } = await ownGeneration(stage);
  await stage.api.send(`mutation ${byId} { cancelGeneration(id: $id) ${union} }`, {
    as: stage.people.owner,
    variables: { id },
  });
  return { id };
}

async function someNode({ api, unique }: Stage): Promise<{ id: string }> {
  return { id: encodeId('GpuNode', (await registerNode(api, unique('node'))).id) };
}

export const newNode = ({ unique }: Stage, more: object = {}): object => ({
  input: {
    ...more,
    name: unique('new'),
    url: 'http://127.0.0.1:9',
    protocol: 'OPENAI',
    offers: [{ kind: 'TEXT_TO_IMAGE', models: ['another'] }],
  },
});

const password = 'correct horse battery';

async function newUser({ api, unique }: Stage): Promise<{ username: string; password: string }> {
  const input = { username: unique('user'), password };
  await api.services.accounts.createUser(input);
  return input;
}

async function refreshToken(stage: Stage): Promise<string> {
  const input = await newUser(stage);
  return (await stage.api.services.accounts.login(input, null)).refreshToken;
}

const byId = '($id: ID!)';
const union = '{ __typename ... on Error { message } }';
export const heartbeat = `mutation ($input: NodeHeartbeatInput!) { nodeHeartbeat(input: $input) ${union} }`;
const nodeQuery = `query ${byId} { node(id: $id) { id } }`;

export const cases: readonly Case[] = [
  ...batchCases,
  ...webhookCases,
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
    field: 'Query.node',
    what: 'own generation',
    operation: nodeQuery,
    variables: ownGeneration,
    expected: seenByOwner,
  },
  {
    field: 'Query.generation',
    operation: `query ${byId} { generation(id: $id) { id } }`,
    variables: ownGeneration,
    expected: seenByOwner,
  },
  { field: 'Query.generations', operation: '{ generations { edges { node { id } } } }', expected: signedIn },
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
    variables: async (stage) => ({
      input: { task: { speechToText: { audio: { artifactId: (await ownArtifact(stage)).id } } } },
    }),
    expected: ['UNAUTHENTICATED', 'BAD_USER_INPUT', 'ok', 'BAD_USER_INPUT', 'BAD_USER_INPUT'],
  },
  { field: 'Query.stats', operation: '{ stats { workers { processes } } }', expected: signedIn },
  { field: 'Query.gpuNodes', operation: '{ gpuNodes { id } }', expected: operators },
  { field: 'Query.users', operation: '{ users { edges { node { id } } } }', expected: admins },
  {
    field: 'Mutation.register',
    operation: `mutation ($input: RegisterInput!) { register(input: $input) ${union} }`,
    variables: ({ unique }) => ({ input: { username: unique('user'), password } }),
    expected: everybody,
  },
  {
    field: 'Mutation.login',
    operation: `mutation ($input: LoginInput!) { login(input: $input) ${union} }`,
    variables: async (stage) => ({ input: await newUser(stage) }),
    expected: everybody,
  },
  {
    field: 'Mutation.refreshToken',
    operation: `mutation ($input: RefreshTokenInput!) { refreshToken(input: $input) ${union} }`,
    variables: async (stage) => ({ input: { refreshToken: await refreshToken(stage) } }),
    expected: everybody,
  },
  {
    field: 'Mutation.logout',
    operation: `mutation ($input: RefreshTokenInput!) { logout(input: $input) ${union} }`,
    variables: async (stage) => ({ input: { refreshToken: await refreshToken(stage) } }),
    expected: everybody,
  },
  {
    field: 'Mutation.changePassword',
    what: 'without one',
    operation: `mutation ($input: ChangePasswordInput!) { changePassword(input: $input) ${union} }`,
    variables: () => ({ input: { currentPassword: 'a', newPassword: password } }),
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
    field: 'Mutation.createUpload',
    operation: `mutation { createUpload(input: { mimeType: "text/plain", sizeBytes: 1 }) ${union} }`,
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
    variables: async (stage) => ({
      input: { task: { speechToText: { audio: { artifactId: (await ownArtifact(stage)).id } } } },
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
    field: 'Mutation.createGeneration',
    operation: `mutation { createGeneration(input: { prompt: "a mill", imageCount: 1 }) ${union} }`,
    expected: signedIn,
  },
  {
    field: 'Mutation.selectImage',
    what: 'own image that waits',
    operation: `mutation ${byId} { selectImage(input: { generationId: $id, index: 0 }) ${union} }`,
    variables: ownGeneration,
    expected: [
      'UNAUTHENTICATED',
      'NotFoundError',
      'InvalidStateError',
      'InvalidStateError',
      'InvalidStateError',
    ],
  },
  {
    field: 'Mutation.cancelGeneration',
    operation: `mutation ${byId} { cancelGeneration(id: $id) ${union} }`,
    variables: ownGeneration,
    expected: foundByOwner,
  },
  {
    field: 'Mutation.deleteGeneration',
    operation: `mutation ${byId} { deleteGeneration(id: $id) ${union} }`,
    variables: ownCanceledGeneration,
    expected: foundByOwner,
  },
  {
    field: 'Mutation.registerNode',
    operation: `mutation ($input: RegisterNodeInput!) { registerNode(input: $input) ${union} }`,
    variables: newNode,
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
    variables: (stage) => newNode(stage, { slots: 1 }),
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
    field: 'Subscription.generationEvents',
    operation: `subscription ${byId} { generationEvents(id: $id) { ... on GenerationEventBase { version } } }`,
    variables: ownGeneration,
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
  ...laterCases,
  ...knowledgeCases,
];
