import fc from 'fast-check';
import type {
  HeadView,
  NodeView,
  QueueView,
  Snapshot,
  SpeedView,
  SwapView,
} from '../../../src/nodes/planner/index.ts';

let made = 0;

export const head = (changes: Partial<HeadView> = {}): HeadView => ({
  id: `job-${++made}`,
  userId: 'ann',
  cost: 10,
  band: 0,
  tag: 0,
  createdAt: 0,
  ...changes,
});

export const node = (id: string, changes: Partial<NodeView> = {}): NodeView => ({
  id,
  offers: [{ kind: 'TEXT_TO_IMAGE', models: ['qwen'] }],
  freeSlots: [1],
  busyForSeconds: [],
  lastLeasedAt: 0,
  ...changes,
});

export const queue = (changes: Partial<QueueView> = {}): QueueView => {
  const heads = changes.heads ?? [head()];
  return {
    id: 'q',
    kind: 'TEXT_TO_IMAGE',
    model: 'qwen',
    secondsPerUnit: 1,
    ...changes,
    heads,
  };
};

export const speed = (
  nodeId: string,
  secondsPerUnit: number,
  changes: Partial<SpeedView> = {},
): SpeedView => ({
  nodeId,
  kind: 'TEXT_TO_IMAGE',
  model: 'qwen',
  secondsPerUnit,
  samples: 20,
  ...changes,
});

export const snapshot = (changes: Partial<Snapshot> = {}): Snapshot => ({
  nodes: [],
  queues: [],
  speeds: [],
  limit: 100,
  ...changes,
});

const models = ['a', 'b', 'c'];
const kinds = ['TEXT_TO_IMAGE', 'SPEECH_TO_TEXT'];
const seconds = fc.double({ min: 0.01, max: 100, noNaN: true });

const anyNode = (id: string): fc.Arbitrary<NodeView> =>
  fc
    .record({
      kind: fc.constantFrom(...kinds),
      models: fc.subarray(models),
      loaded: fc.option(fc.shuffledSubarray(models, { maxLength: 2 })),
      slots: fc.array(fc.option(seconds), { minLength: 1, maxLength: 4 }),
      lastLeasedAt: fc.nat(1000),
      trial: fc.constantFrom(false, false, false, true),
    })
    .map(({ kind, models: offered, loaded, slots, ...rest }) => ({
      ...rest,
      id,
      offers: [{ kind, models: offered }],
      loadedModels: loaded,
      freeSlots: slots.flatMap((busyFor, n) => (busyFor === null ? [n + 1] : [])),
      busyForSeconds: slots.filter((busyFor) => busyFor !== null),
    }));

const nodeIds = ['n1', 'n2', 'n3', 'n4', 'n5'];
const userIds = ['ann', 'bob', 'cem', 'dan'];

const anyHead = fc
  .record({
    userId: fc.constantFrom(...userIds),
    cost: seconds,
    band: fc.constantFrom(0, 0, 0, 1),
    tag: fc.integer({ min: -300, max: 300 }),
    createdAt: fc.nat(100),
    pin: fc.oneof({ weight: 9, arbitrary: fc.constant(null) }, fc.constantFrom(...nodeIds)),
  })
  .map(({ pin, ...job }) => ({ ...job, ...(pin === null ? {} : { nodeId: pin }) }));

const anyQueue = (kind: string, model: string): fc.Arbitrary<QueueView> =>
  fc
    .record({
      heads: fc.array(anyHead, { minLength: 1, maxLength: 5 }),
      secondsPerUnit: seconds,
    })
    .map(({ heads, secondsPerUnit }) => ({
      id: `${kind}/${model}`,
      kind,
      model,
      heads: heads
        .sort((a, b) => b.band - a.band || a.tag - b.tag || a.createdAt - b.createdAt)
        .map((one, n) => ({ ...one, id: `${kind}/${model} ${n}` })),
      secondsPerUnit,
    }));

const anySpeed: fc.Arbitrary<SpeedView> = fc.record({
  nodeId: fc.constantFrom(...nodeIds),
  kind: fc.constantFrom(...kinds),
  model: fc.constantFrom(...models),
  secondsPerUnit: seconds,
  samples: fc.integer({ min: 1, max: 100 }),
});

const anySwap: fc.Arbitrary<SwapView> = fc.record({
  nodeId: fc.constantFrom(...nodeIds),
  model: fc.constantFrom(...models),
  seconds,
});

const speedKey = ({ nodeId, kind, model }: SpeedView): string => `${nodeId} ${kind} ${model}`;
const swapKey = ({ nodeId, model }: SwapView): string => `${nodeId} ${model}`;

const anyLimit = (keys: readonly string[]) =>
  fc
    .uniqueArray(fc.tuple(fc.constantFrom(...keys), fc.nat(3)), { selector: ([key]) => key })
    .map((of) => new Map(of));

/** Any state that a pool can be in. */
export const anySnapshot: fc.Arbitrary<Snapshot> = fc.record({
  nodes: fc.subarray(nodeIds).chain((ids) => fc.tuple(...ids.map(anyNode))),
  queues: fc
    .subarray(kinds.flatMap((kind) => models.map((model) => [kind, model] as const)))
    .chain((names) => fc.tuple(...names.map(([kind, model]) => anyQueue(kind, model)))),
  speeds: fc.uniqueArray(anySpeed, { selector: speedKey, maxLength: 12 }),
  swaps: fc.uniqueArray(anySwap, { selector: swapKey, maxLength: 6 }),
  limits: fc.oneof(
    fc.constant({}),
    fc.record({ users: anyLimit(userIds), kinds: anyLimit(kinds), models: anyLimit(models) }),
  ),
  limit: fc.integer({ min: 1, max: 20 }),
});
