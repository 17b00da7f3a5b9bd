import { ours, type PolicyName } from './policies/index.ts';
import type { Scenario } from './scenario.ts';

/** A table: policies against scenarios. */
export interface Table {
  readonly title: string;
  readonly text: string;
  /** By the heading of their columns. */
  readonly columns: Readonly<Record<string, Scenario>>;
  readonly policies: readonly PolicyName[];
  /** What else a cell tells. */
  readonly shows?: 'swaps' | 'drains';
}

const JOBS = 20_000;
const unlike = [2, 1, 1, 0.5] as const;
const equal = [1, 1, 1, 1] as const;

const scenario = (load: number, changes: Partial<Scenario> = {}): Scenario => ({
  speeds: unlike,
  models: [1],
  swapSeconds: 15,
  load,
  jobs: JOBS,
  ...changes,
});

const threeModels: Partial<Scenario> = { models: [0.55, 0.3, 0.15] };

const atLoads = (loads: readonly number[], changes?: Partial<Scenario>): Record<string, Scenario> =>
  Object.fromEntries(loads.map((load) => [`load ${load}`, scenario(load, changes)]));

const pushes = ['power of two (push)', 'least connections (push)', 'least expected work (push)'] as const;
const pulls = ['pull, arrival order', 'pull, fastest idle first'] as const;
const blind = ['round robin (push)', 'random (push)', ...pushes, 'pull, arrival order'] as const;
const affine = 'pull, affinity, head skipped ≤ 8 times';

export const tables: readonly Table[] = [
  {
    title: 'A. Unlike nodes, one model',
    text: 'Four nodes of speed 2, 1, 1 and 0.5.',
    columns: atLoads([0.5, 0.7, 0.85, 0.95]),
    policies: [
      'round robin (push)',
      'random (push)',
      'user hash (push)',
      ...pushes,
      ...pulls,
      'pull, shortest first with aging',
      'Switchyard: shortest-first',
      ours,
    ],
  },
  {
    title: 'B. Equal nodes, one model',
    text: 'Four nodes of speed 1.',
    columns: atLoads([0.85], { speeds: equal }),
    policies: [...blind, ours],
  },
  {
    title: 'C. Equal nodes, three models',
    text: 'Four nodes of speed 1; 55, 30 and 15 % of the jobs ask for one of three models; a swap takes 15 s.',
    columns: atLoads([0.5, 0.7, 0.8, 0.9], { ...threeModels, speeds: equal }),
    policies: [...blind, affine, 'Switchyard: shortest-first', ours],
    shows: 'swaps',
  },
  {
    title: 'D. Unlike nodes, three models',
    text: 'The nodes of A, the models of C.',
    columns: atLoads([0.7, 0.85], threeModels),
    policies: [...pushes, 'pull, fastest idle first', affine, ours],
    shows: 'swaps',
  },
  {
    title: 'Failures',
    text:
      'As A at load 0.7 and D at load 0.6; each node is lost for 2 min every 30 min on average, with what runs on it, ' +
      'which starts anew. What a push policy had queued there is sent anew at once, which is more than most do.',
    columns: {
      'A at 0.7': scenario(0.7, { failures: { everySeconds: 1_800, forSeconds: 120 } }),
      'D at 0.6': scenario(0.6, { ...threeModels, failures: { everySeconds: 1_800, forSeconds: 120 } }),
    },
    policies: [
      'least connections (push)',
      'least expected work (push)',
      'pull, fastest idle first',
      affine,
      ours,
    ],
  },
  {
    title: 'Drains',
    text:
      'As A at load 0.6; every 20 min one node after the other takes no new work, is away for 5 min once it is empty, ' +
      'and comes back. In brackets: how long it took to be empty. A node with a queue has to work it off.',
    columns: { 'A at 0.6': scenario(0.6, { drains: { everySeconds: 1_200, forSeconds: 300 } }) },
    policies: ['least connections (push)', 'least expected work (push)', 'pull, fastest idle first', ours],
    shows: 'drains',
  },
  {
    title: 'Wrong estimates',
    text:
      'A at load 0.85 and C at load 0.8, to be compared with the tables above: with an error of deviation 1 in place of ' +
      '0.3, and with all long jobs taken for a third of what they are.',
    columns: Object.fromEntries(
      [
        { name: 'error 1', changes: { estimateError: 1 } },
        { name: 'long ÷ 3', changes: { estimateBias: 1 / 3 } },
      ].flatMap(({ name, changes }) => [
        [`A, ${name}`, scenario(0.85, changes)],
        [`C, ${name}`, scenario(0.8, { ...threeModels, speeds: equal, ...changes })],
      ]),
    ),
    policies: ['least expected work (push)', 'pull, fastest idle first', affine, ours],
  },
  {
    title: 'Other strategies',
    text: 'As A; what the planner does when it is told to route otherwise. They mind neither speeds nor models.',
    columns: atLoads([0.7]),
    policies: ['Switchyard: least-loaded', 'Switchyard: round-robin', 'Switchyard: user-hash', ours],
  },
];
