import { encodeId } from '../../../src/ids.ts';
import {
  byId,
  type Case,
  foundByOwner,
  nodeQuery,
  type Stage,
  seenByOwner,
  signedIn,
  union,
  watchedByOwner,
} from './matrix.ts';

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

/** Generations. */
export const generationCases: readonly Case[] = [
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
    field: 'Subscription.generationEvents',
    operation: `subscription ${byId} { generationEvents(id: $id) { ... on GenerationEventBase { version } } }`,
    variables: ownGeneration,
    expected: watchedByOwner,
  },
];
