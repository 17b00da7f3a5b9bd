import { encodeId } from '../../../src/ids.ts';
import { registerNode } from '../../http/work.ts';
import { byId, type Case, nodeQuery, operators, type Stage, signedIn, union } from './matrix.ts';

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

export const heartbeat = `mutation ($input: NodeHeartbeatInput!) { nodeHeartbeat(input: $input) ${union} }`;

/** Nodes and their tokens. */
export const nodeCases: readonly Case[] = [
  {
    field: 'Query.node',
    what: 'GPU node',
    operation: nodeQuery,
    variables: someNode,
    expected: ['UNAUTHENTICATED', 'null', 'null', 'ok', 'ok'],
  },
  { field: 'Query.models', operation: '{ models { name } }', expected: signedIn },
  { field: 'Query.gpuNodes', operation: '{ gpuNodes { id } }', expected: operators },
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
    field: 'Subscription.gpuNodeUpdated',
    operation: 'subscription { gpuNodeUpdated { id } }',
    expected: operators,
  },
];
