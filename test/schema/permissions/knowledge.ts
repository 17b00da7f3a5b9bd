import { decodeId, encodeId, newId } from '../../../src/ids.ts';
import {
  byId,
  type Case,
  foundByOwner,
  nodeQuery,
  type Stage,
  seenByOwner,
  signedIn,
  union,
} from './matrix.ts';

const submit = `mutation ($input: SubmitTaskInput!) {
  submitTask(input: $input) { __typename ... on Task { id } ... on Error { message } }
}`;

async function ownBase({ api, people, unique }: Stage): Promise<{ id: string }> {
  const { id } = await api.services.database.prisma.knowledgeBase.create({
    data: { id: newId(), userId: people.owner.user.id, name: unique('base'), embeddingModel: 'words' },
  });
  return { id: encodeId('KnowledgeBase', id) };
}

/** Of each caller's own file, for the owner's knowledge base. */
const documentFor = async (stage: Stage): Promise<object> => ({
  input: {
    task: {
      document: { knowledgeBaseId: (await ownBase(stage)).id, file: { url: 'https://example.org/a.pdf' } },
    },
  },
});

async function ownDocument(stage: Stage): Promise<{ id: string }> {
  const { api, people } = stage;
  const variables = await documentFor(stage);
  const { data } = await api.send(submit, { as: people.owner, variables });
  const taskId = decodeId('Task', String(data.submitTask?.id));
  return { id: encodeId('Document', taskId ?? '') };
}

/** A new knowledge base, for which there is a model. */
async function newBase({ api, unique }: Stage): Promise<object> {
  await api.services.nodes.register({
    ...{ name: unique('embedder'), url: 'http://127.0.0.1:9', protocol: 'OPENAI' },
    offers: [{ kind: 'EMBEDDING', models: ['words'] }],
  });
  return { input: { name: unique('new base') } };
}

/** Knowledge bases and their documents. */
export const knowledgeCases: readonly Case[] = [
  {
    field: 'Query.node',
    what: 'own knowledge base',
    operation: nodeQuery,
    variables: ownBase,
    expected: seenByOwner,
  },
  {
    field: 'Query.node',
    what: 'own document',
    operation: nodeQuery,
    variables: ownDocument,
    expected: seenByOwner,
  },
  {
    field: 'Query.knowledgeBase',
    operation: `query ${byId} { knowledgeBase(id: $id) { search(query: "a") { text } documents { edges { node { id } } } } }`,
    variables: ownBase,
    expected: seenByOwner,
  },
  {
    field: 'Query.knowledgeBases',
    operation: '{ knowledgeBases { edges { node { id } } } }',
    expected: signedIn,
  },
  {
    field: 'Query.tasks',
    what: 'of own knowledge base',
    operation: `query ${byId} { tasks(where: { knowledgeBaseId: $id }) { edges { node { id } } } }`,
    variables: ownBase,
    expected: signedIn,
  },
  {
    field: 'Mutation.createKnowledgeBase',
    operation: `mutation ($input: CreateKnowledgeBaseInput!) { createKnowledgeBase(input: $input) ${union} }`,
    variables: newBase,
    expected: signedIn,
  },
  {
    field: 'Mutation.submitTask',
    what: 'for own knowledge base',
    operation: submit,
    variables: documentFor,
    expected: ['UNAUTHENTICATED', 'InvalidInputError', 'ok', 'InvalidInputError', 'InvalidInputError'],
  },
  {
    field: 'Mutation.deleteKnowledgeBase',
    operation: `mutation ${byId} { deleteKnowledgeBase(id: $id) ${union} }`,
    variables: ownBase,
    expected: foundByOwner,
  },
  {
    field: 'Mutation.deleteDocument',
    operation: `mutation ${byId} { deleteDocument(id: $id) ${union} }`,
    variables: ownDocument,
    expected: foundByOwner,
  },
];
