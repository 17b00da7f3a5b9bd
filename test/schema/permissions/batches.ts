import {
  byId,
  type Case,
  nodeQuery,
  type Stage,
  seenByOwner,
  signedIn,
  union,
  watchedByOwner,
} from './matrix.ts';

const SUBMIT = `mutation ($input: SubmitTasksInput!) {
  submitTasks(input: $input) { __typename ... on Batch { id } ... on Error { message } }
}`;
const SUBMIT_ONE = `mutation ($input: SubmitTaskInput!) { submitTask(input: $input) ${union} }`;

const task = { textToImage: { prompt: 'a lighthouse' } };
const newBatch = { input: { tasks: [{ input: { task } }] } };

async function ownBatch({ api, people }: Stage): Promise<{ id: string }> {
  const { data } = await api.send(SUBMIT, { as: people.owner, variables: newBatch });
  return { id: String(data.submitTasks?.id) };
}

async function ownFirst(stage: Stage): Promise<string> {
  const { data } = await stage.api.send(
    `query ${byId} { batch(id: $id) { tasks(first: 1) { edges { node { id } } } } }`,
    { as: stage.people.owner, variables: await ownBatch(stage) },
  );
  return String(data.batch?.tasks?.edges?.[0]?.node?.id);
}

/** What the five are told: nobody, a stranger, the owner, an operator, an admin. */
export const batchCases: readonly Case[] = [
  {
    field: 'Query.batch',
    operation: `query ${byId} { batch(id: $id) { id total } }`,
    variables: ownBatch,
    expected: seenByOwner,
  },
  {
    field: 'Query.node',
    what: 'own batch',
    operation: nodeQuery,
    variables: ownBatch,
    expected: seenByOwner,
  },
  {
    field: 'Mutation.submitTasks',
    operation: SUBMIT,
    variables: () => newBatch,
    expected: signedIn,
  },
  {
    // Not even operators may have others' results for their own.
    field: 'Mutation.submitTask',
    what: 'that depends on an own task',
    operation: SUBMIT_ONE,
    variables: async (stage) => ({ input: { task, dependsOn: [await ownFirst(stage)] } }),
    expected: ['UNAUTHENTICATED', 'InvalidInputError', 'ok', 'InvalidInputError', 'InvalidInputError'],
  },
  {
    field: 'Subscription.batchUpdated',
    operation: `subscription ${byId} { batchUpdated(id: $id) { id } }`,
    variables: ownBatch,
    expected: watchedByOwner,
  },
];
