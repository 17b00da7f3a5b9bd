import { encodeId } from '../../../src/ids.ts';
import { failure, pixel } from '../../http/work.ts';
import {
  byId,
  type Case,
  foundByOwner,
  nodeQuery,
  ownUser,
  type Stage,
  seenByOwner,
  signedIn,
  union,
  watchedByOwner,
} from './matrix.ts';

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
  const { start, finish } = stage.work;
  await Promise.all((await start()).map((claimed) => finish(claimed, failure)));
  return task;
}

async function ownArtifact({ api, people }: Stage): Promise<{ id: string }> {
  const { id } = await api.services.artifacts.save({ userId: people.owner.user.id, bytes: pixel });
  return { id: encodeId('Artifact', id) };
}

/** Tasks, and the files that they name. */
export const taskCases: readonly Case[] = [
  { field: 'Query.node', what: 'own task', operation: nodeQuery, variables: ownTask, expected: seenByOwner },
  {
    field: 'Query.node',
    what: 'own artifact',
    operation: nodeQuery,
    variables: ownArtifact,
    expected: seenByOwner,
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
  {
    field: 'Mutation.createUpload',
    operation: `mutation { createUpload(input: { mimeType: "text/plain", sizeBytes: 1 }) ${union} }`,
    expected: signedIn,
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
    field: 'Subscription.stats',
    operation: 'subscription { stats { workers { processes } } }',
    expected: signedIn,
  },
];
