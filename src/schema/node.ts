import { isOperator } from '../accounts/index.ts';
import type { GpuNode } from '../database/index.ts';
import { AlreadyExistsError, InvalidInputError, NotFoundError } from '../errors.ts';
import { decodeId, encodeId } from '../ids.ts';
import { kindOf } from '../kinds/index.ts';
import { type NodeStatus, type Offer, offersOf, statusOf } from '../nodes/index.ts';
import { type ProtocolName, protocolNames } from '../nodes/protocols/index.ts';
import { builder } from './builder.ts';
import type { Context } from './context.ts';
import { TaskKindEnum } from './kinds/index.ts';
import { live } from './live.ts';
import { createLoader } from './loader.ts';

const NodeProtocolEnum = builder.enumType('NodeProtocol', { values: protocolNames });

const NodeStatusEnum = builder.enumType('NodeStatus', {
  values: ['HEALTHY', 'UNHEALTHY', 'DRAINING', 'DRAINED', 'REMOVED'] satisfies NodeStatus[],
});

const OfferType = builder.objectRef<Offer>('Offer').implement({
  fields: (t) => ({
    kind: t.expose('kind', { type: TaskKindEnum }),
    models: t.stringList({ resolve: ({ models }) => [...models] }),
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

/** What operators see, and null for everybody else: owners of tasks get id and name only. */
function forOperators<Value>(read: (node: GpuNode, context: Context) => Value) {
  return (node: GpuNode, _args: object, context: Context): Value | null =>
    isOperator(context.viewer) ? read(node, context) : null;
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
    name: t.exposeString('name'),
    url: t.field({ type: 'URL', nullable, resolve: forOperators(({ url }) => url) }),
    protocol: t.field({
      type: NodeProtocolEnum,
      nullable,
      resolve: forOperators(({ protocol }) => protocol as ProtocolName),
    }),
    status: t.field({
      type: NodeStatusEnum,
      nullable,
      resolve: forOperators(async (node, context) => statusOf(node, await busySlots(node, context))),
    }),
    slots: t.int({ nullable, resolve: forOperators(({ slotCount }) => slotCount) }),
    busySlots: t.int({ nullable, resolve: forOperators(busySlots) }),
    offers: t.field({ type: [OfferType], nullable, resolve: forOperators(offersOf) }),
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
      resolve: forOperators(({ lastSeenAt }) => lastSeenAt),
    }),
  }),
});

const OfferInput = builder.inputType('OfferInput', {
  fields: (t) => ({
    kind: t.field({ type: TaskKindEnum, required: true }),
    models: t.stringList({ required: true }),
  }),
});

const RegisterNodeInput = builder.inputType('RegisterNodeInput', {
  fields: (t) => ({
    name: t.string({ required: true }),
    url: t.field({ type: 'URL', required: true }),
    protocol: t.field({ type: NodeProtocolEnum, required: true }),
    slots: t.int({ defaultValue: 1 }),
    offers: t.field({ type: [OfferInput], required: true }),
    token: t.string(),
  }),
});

const UpdateNodeInput = builder.inputType('UpdateNodeInput', {
  fields: (t) => ({
    url: t.field({ type: 'URL' }),
    slots: t.int(),
    offers: t.field({ type: [OfferInput] }),
    token: t.string({ description: 'Null takes it away' }),
  }),
});

const RemoveNodePayload = builder.objectRef<{ id: string }>('RemoveNodePayload').implement({
  fields: (t) => ({ id: t.exposeID('id') }),
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
    description: 'Operators and admins',
    resolve: (_root, _args, { services }) => services.nodes.list(),
  }),
);

builder.mutationFields((t) => ({
  registerNode: t.withAuth({ operator: true }).field({
    type: RegisterNodeResult,
    description: 'Operators and admins, as are the next four',
    args: { input: t.arg({ type: RegisterNodeInput, required: true }) },
    resolve: (_root, { input }, { services }) => services.nodes.register(input),
  }),
  updateNode: t.withAuth({ operator: true }).field({
    type: UpdateNodeResult,
    args: { id: t.arg.id({ required: true }), input: t.arg({ type: UpdateNodeInput, required: true }) },
    resolve: (_root, { id, input: { url, offers, ...rest } }, { services }) =>
      services.nodes.update(nodeId(id), { url: url ?? undefined, offers: offers ?? undefined, ...rest }),
  }),
  drainNode: t.withAuth({ operator: true }).field({
    type: UpdateNodeResult,
    args: { id: t.arg.id({ required: true }) },
    resolve: (_root, { id }, { services }) => services.nodes.drain(nodeId(id)),
  }),
  resumeNode: t.withAuth({ operator: true }).field({
    type: UpdateNodeResult,
    args: { id: t.arg.id({ required: true }) },
    resolve: (_root, { id }, { services }) => services.nodes.resume(nodeId(id)),
  }),
  removeNode: t.withAuth({ operator: true }).field({
    type: RemoveNodeResult,
    args: { id: t.arg.id({ required: true }) },
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
    description: 'Every node as it is now, then each that changes',
    subscribe: (_root, _args, context) =>
      live(context, { open: (signal) => context.services.feed.nodes({ signal }), may: isOperator }),
    resolve: (node) => node,
  }),
);
