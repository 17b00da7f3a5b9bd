import { isOperator } from '../accounts/index.ts';
import type { GpuNode } from '../database/index.ts';
import { AlreadyExistsError, InvalidInputError, NotFoundError } from '../errors.ts';
import { decodeId, encodeId } from '../ids.ts';
import { kindOf } from '../kinds/index.ts';
import {
  type CircuitState,
  circuitOf,
  type NodeStatus,
  type Offer,
  offersOf,
  statusOf,
} from '../nodes/index.ts';
import { LOCAL, type ProtocolName, protocolNames, protocolOf } from '../nodes/protocols/index.ts';
import { builder } from './builder.ts';
import type { Context } from './context.ts';
import { described, describedBy } from './described.ts';
import { TaskKindEnum } from './kinds/index.ts';
import { live } from './live.ts';
import { createLoader } from './loader.ts';

export const NodeProtocolEnum = builder.enumType('NodeProtocol', {
  values: describedBy([...protocolNames, LOCAL], (name) => protocolOf(name).description),
});

const NodeStatusEnum = builder.enumType('NodeStatus', {
  values: described<NodeStatus>({
    HEALTHY: 'It takes tasks',
    UNHEALTHY: 'It does not answer as it should, and is probed until it does; it takes no tasks',
    DRAINING: 'It finishes what it runs and takes nothing new',
    DRAINED: 'It takes no tasks and runs none: it can be switched off',
    REMOVED: 'It is not used any more; what ran on it names it still',
  }),
});

const CircuitStateEnum = builder.enumType('CircuitState', {
  description: 'Whether it is trusted with work',
  values: {
    CLOSED: { description: 'As much as it has slots for' },
    OPEN: { description: 'None, until it answers that it is ready; after failed calls not before its time' },
    HALF_OPEN: { description: 'One task at a time, until one has succeeded' },
  } satisfies Record<CircuitState, object>,
});

/** Stored as a list of names. */
const namesIn = (json: unknown): string[] | null => (Array.isArray(json) ? json.map(String) : null);

const OfferType = builder.objectRef<Offer>('Offer').implement({
  fields: (t) => ({
    kind: t.expose('kind', { type: TaskKindEnum, description: 'What the node does' }),
    models: t.stringList({ description: 'With which models', resolve: ({ models }) => [...models] }),
  }),
});

const loadBusySlots = createLoader(async (ids, { database }) => {
  const counts = await database.prisma.slot.groupBy({
    by: ['nodeId'],
    where: { nodeId: { in: [...ids] }, taskId: { not: null } },
    _count: true,
  });
  return new Map(counts.map(({ nodeId, _count }) => [nodeId, _count]));
});

async function busySlots({ id }: GpuNode, context: Context): Promise<number> {
  return (await loadBusySlots(context, id)) ?? 0;
}

const MIN_SAMPLES = 5;

async function speed({ id }: GpuNode, { services }: Context): Promise<number | null> {
  const measured = (await services.nodes.speeds())
    .filter(({ nodeId, samples }) => nodeId === id && samples >= MIN_SAMPLES)
    .map(({ kind, secondsPerUnit }) => kindOf(kind).secondsPerUnit / secondsPerUnit);
  return measured.length === 0 ? null : measured.reduce((sum, one) => sum + one) / measured.length;
}

/** What operators see, and the agent of the node; null for everybody else: owners of tasks get id and name only. */
function forOperators<Value>(read: (node: GpuNode, context: Context) => Value) {
  return (node: GpuNode, _args: object, context: Context): Value | null => {
    const isItsAgent = context.nodeTokenId !== null && context.nodeTokenId === node.nodeTokenId;
    return isOperator(context.viewer) || isItsAgent ? read(node, context) : null;
  };
}

const nullable = true;

export const GpuNodeType = builder.loadableNode('GpuNode', {
  id: { resolve: ({ id }) => id },
  load: (ids: string[], { services }: Context): Promise<GpuNode[]> =>
    services.database.prisma.gpuNode.findMany({ where: { id: { in: ids } } }),
  toKey: ({ id }) => id,
  sort: true,
  loaderOptions: { cache: false },
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Unique among the nodes' }),
    url: t.field({
      type: 'URL',
      nullable,
      description: 'Where it is called',
      resolve: forOperators(({ url }) => url),
    }),
    protocol: t.field({
      type: NodeProtocolEnum,
      nullable,
      description: 'How it is spoken to',
      resolve: forOperators(({ protocol }) => protocol as ProtocolName | typeof LOCAL),
    }),
    status: t.field({
      type: NodeStatusEnum,
      nullable,
      description: 'Whether it takes tasks',
      resolve: forOperators(async (node, context) => statusOf(node, await busySlots(node, context))),
    }),
    slots: t.int({
      nullable,
      description: 'How many tasks it takes at once',
      resolve: forOperators(({ slotCount }) => slotCount),
    }),
    busySlots: t.int({
      nullable,
      description: 'How many tasks it works on',
      resolve: forOperators(busySlots),
    }),
    offers: t.field({
      type: [OfferType],
      nullable,
      description: 'What it does, and with which models',
      resolve: forOperators(offersOf),
    }),
    loadedModels: t.stringList({
      nullable,
      description: 'In its memory now, as it says or as was last run there; null where that is unknown',
      resolve: forOperators(({ loadedModels }) => namesIn(loadedModels)),
    }),
    reportedModels: t.stringList({
      nullable,
      description: 'That it says it could load, in its own names; null where it does not say',
      resolve: forOperators(({ reportedModels }) => namesIn(reportedModels)),
    }),
    circuit: t.field({
      type: CircuitStateEnum,
      nullable,
      description: 'Whether it is trusted with work',
      resolve: forOperators(circuitOf),
    }),
    speed: t.float({
      nullable,
      description: 'As measured: 2 is twice as fast as its kinds reckon with; null below five samples',
      resolve: forOperators(speed),
    }),
    failures: t.int({
      nullable,
      description: 'In a row, since the last success',
      resolve: forOperators(({ failures }) => failures),
    }),
    lastSeenAt: t.field({
      type: 'DateTime',
      nullable,
      description: 'When it last answered as it should',
      resolve: forOperators(({ lastSeenAt }) => lastSeenAt),
    }),
  }),
});

export const OfferInput = builder.inputType('OfferInput', {
  fields: (t) => ({
    kind: t.field({ type: TaskKindEnum, required: true, description: 'One that its protocol does' }),
    models: t.stringList({
      required: true,
      description: 'At least one; as submissions name them and as the node knows them',
    }),
  }),
});

const RegisterNodeInput = builder.inputType('RegisterNodeInput', {
  fields: (t) => ({
    name: t.string({ required: true, description: 'Unique among the nodes; 1 to 100 characters' }),
    url: t.field({
      type: 'URL',
      required: true,
      description: 'Where the workers reach it: http://10.0.0.5:8080',
    }),
    protocol: t.field({ type: NodeProtocolEnum, required: true, description: 'How it is spoken to' }),
    slots: t.int({ defaultValue: 1, description: 'How many tasks it takes at once; 1 to 1,000' }),
    offers: t.field({
      type: [OfferInput],
      required: true,
      description: 'What it does, and with which models',
    }),
    token: t.string({ description: 'Sent as a Bearer token, or by HTTP Basic where it is user:password' }),
  }),
});

const UpdateNodeInput = builder.inputType('UpdateNodeInput', {
  fields: (t) => ({
    url: t.field({ type: 'URL', description: 'Where it is from now on; left out: where it was' }),
    slots: t.int({
      description: 'How many tasks it takes at once; what runs on a slot that goes runs to its end',
    }),
    offers: t.field({ type: [OfferInput], description: 'Everything that it offers from now on' }),
    token: t.string({
      description: 'Sent as a Bearer token, or by HTTP Basic where it is user:password; null takes it away',
    }),
  }),
});

const RemoveNodePayload = builder.objectRef<{ id: string }>('RemoveNodePayload').implement({
  fields: (t) => ({ id: t.exposeID('id', { description: 'Of the removed node' }) }),
});

const resolveType = () => 'GpuNode';
const RegisterNodeResult = builder.errorUnion('RegisterNodeResult', {
  types: [GpuNodeType, InvalidInputError, AlreadyExistsError],
  resolveType,
});
const UpdateNodeResult = builder.errorUnion('UpdateNodeResult', {
  types: [GpuNodeType, InvalidInputError, NotFoundError],
  resolveType,
});
const RemoveNodeResult = builder.errorUnion('RemoveNodeResult', {
  types: [RemoveNodePayload, NotFoundError],
  resolveType: () => 'RemoveNodePayload',
});

function nodeId(id: string): string {
  const decoded = decodeId('GpuNode', id);
  if (decoded === null) throw new NotFoundError('there is no such node');
  return decoded;
}

builder.queryField('gpuNodes', (t) =>
  t.withAuth({ operator: true }).field({
    type: [GpuNodeType],
    description: 'Operators and admins. Every node that is not removed, but for the built-in one',
    resolve: (_root, _args, { services }) => services.nodes.list(),
  }),
);

const NODE_ID = 'Of the node: node_…';

builder.mutationFields((t) => ({
  registerNode: t.withAuth({ operator: true }).field({
    type: RegisterNodeResult,
    description: 'Operators and admins. Adds a node, which takes tasks as soon as it answers as it should',
    args: { input: t.arg({ type: RegisterNodeInput, required: true, description: 'The new node' }) },
    resolve: (_root, { input }, { services }) => services.nodes.register(input),
  }),
  updateNode: t.withAuth({ operator: true }).field({
    type: UpdateNodeResult,
    description: 'Operators and admins. Changes what is given, and leaves the rest',
    args: {
      id: t.arg.id({ required: true, description: NODE_ID }),
      input: t.arg({ type: UpdateNodeInput, required: true, description: 'What is to change' }),
    },
    resolve: (_root, { id, input: { url, offers, ...rest } }, { services }) =>
      services.nodes.update(nodeId(id), { url: url ?? undefined, offers: offers ?? undefined, ...rest }),
  }),
  drainNode: t.withAuth({ operator: true }).field({
    type: UpdateNodeResult,
    description: 'Operators and admins. The node takes nothing new, and what runs there ends',
    args: {
      id: t.arg.id({ required: true, description: NODE_ID }),
      timeoutMs: t.arg.int({
        description:
          'What still runs then goes back to its queue, without a try spent; 0 to 86,400,000. Left out: it may take its time',
      }),
    },
    resolve: (_root, { id, timeoutMs }, { services }) => services.nodes.drain(nodeId(id), timeoutMs),
  }),
  resumeNode: t.withAuth({ operator: true }).field({
    type: UpdateNodeResult,
    description: 'Operators and admins. Takes back a drain',
    args: { id: t.arg.id({ required: true, description: NODE_ID }) },
    resolve: (_root, { id }, { services }) => services.nodes.resume(nodeId(id)),
  }),
  removeNode: t.withAuth({ operator: true }).field({
    type: RemoveNodeResult,
    description: 'Operators and admins. Uses a node no more; what runs on it runs to its end',
    args: { id: t.arg.id({ required: true, description: NODE_ID }) },
    resolve: async (_root, { id }, { services }) => {
      const removed = nodeId(id);
      await services.nodes.remove(removed);
      return { id: encodeId('GpuNode', removed) };
    },
  }),
}));

builder.subscriptionField('gpuNodeUpdated', (t) =>
  t.withAuth({ operator: true }).field({
    type: GpuNodeType,
    description: 'Operators and admins. Every node as it is now, then each that changes',
    subscribe: (_root, _args, context) =>
      live(context, { open: (signal) => context.services.feed.nodes({ signal }), may: isOperator }),
    resolve: (node) => node,
  }),
);
