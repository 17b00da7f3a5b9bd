import { InvalidInputError } from '../errors.ts';
import { builder } from './builder.ts';
import { GpuNodeType, NodeProtocolEnum, OfferInput } from './node.ts';

/** Extension of the mutations that a node token is good for. */
export const FOR_NODES = 'forNodes';

const NodeHeartbeatInput = builder.inputType('NodeHeartbeatInput', {
  description: 'What a node says of itself, three times in each lease (NODE_LEASE_MS, 30 seconds)',
  fields: (t) => ({
    name: t.string({ required: true, description: 'Unique among the nodes; 1 to 100 characters' }),
    url: t.field({ type: 'URL', required: true, description: 'Where workers reach it' }),
    protocol: t.field({ type: NodeProtocolEnum, required: true, description: 'How workers speak to it' }),
    slots: t.int({ required: true, description: 'How many tasks it takes at once; 1 to 1,000' }),
    offers: t.field({
      type: [OfferInput],
      required: true,
      description: 'What it does, and with which models',
    }),
    loadedModels: t.stringList({
      description: 'In its memory now, by the names of its offers; left out where it does not know',
    }),
    leaving: t.boolean({
      defaultValue: false,
      description: 'It takes nothing new, and is removed when nothing runs there any more',
    }),
  }),
});

const NodeHeartbeatResult = builder.errorUnion('NodeHeartbeatResult', {
  description: 'The node as it is now, or what is wrong with what it says',
  types: [GpuNodeType, InvalidInputError],
  resolveType: () => 'GpuNode',
});

const CreateNodeTokenInput = builder.inputType('CreateNodeTokenInput', {
  description: 'What a node agent is to authenticate with',
  fields: (t) => ({
    name: t.string({
      required: true,
      description:
        '1 to 100 characters. A token of the same name is replaced: its secret is no longer good, its nodes stay',
    }),
    expiresAt: t.field({ type: 'DateTime', description: 'Left out: never' }),
  }),
});

const CreateNodeTokenPayload = builder
  .objectRef<{ secret: string; expiresAt: Date | null }>('CreateNodeTokenPayload')
  .implement({
    description: 'A new node token',
    fields: (t) => ({
      secret: t.exposeString('secret', { description: 'Shown this once' }),
      expiresAt: t.expose('expiresAt', { type: 'DateTime', nullable: true, description: 'Null: never' }),
    }),
  });

const CreateNodeTokenResult = builder.errorUnion('CreateNodeTokenResult', {
  description: 'The token, or what is wrong with the input',
  types: [CreateNodeTokenPayload, InvalidInputError],
  resolveType: () => 'CreateNodeTokenPayload',
});

builder.mutationFields((t) => ({
  nodeHeartbeat: t.withAuth({ node: true }).field({
    extensions: { [FOR_NODES]: true },
    type: NodeHeartbeatResult,
    description: 'With a node token: a node joins, reports and leaves by itself',
    args: { input: t.arg({ type: NodeHeartbeatInput, required: true, description: 'What it is now' }) },
    resolve: (_root, { input }, { services, nodeTokenId }) => services.nodes.heartbeat(nodeTokenId, input),
  }),
  createNodeToken: t.withAuth({ operator: true }).field({
    type: CreateNodeTokenResult,
    description:
      'Operators and admins. Makes a token that machines register their nodes with, and nothing else',
    args: {
      input: t.arg({ type: CreateNodeTokenInput, required: true, description: 'Its name and its end' }),
    },
    resolve: (_root, { input }, { services }) => services.nodes.tokens.create(input),
  }),
}));
