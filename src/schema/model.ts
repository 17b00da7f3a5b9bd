import { createContextCache } from '@pothos/core';
import type { OfferedModel } from '../nodes/index.ts';
import { builder } from './builder.ts';
import type { Context } from './context.ts';
import { TaskKindEnum } from './kinds/index.ts';

/** Of GraphQL's Int: 24 days. */
const MAX_INT = 2 ** 31 - 1;

const expectedWaits = createContextCache(async ({ services, viewer }: Context) =>
  viewer === null ? null : services.tasks.expectedWaits(viewer.userId),
);

const ModelType = builder.objectRef<OfferedModel>('Model').implement({
  fields: (t) => ({
    kind: t.expose('kind', { type: TaskKindEnum, description: 'What it does' }),
    name: t.exposeString('name', { description: 'As a submission names it' }),
    isDefault: t.exposeBoolean('isDefault', {
      description: 'Whether a submission of the kind that names no model gets it',
    }),
    slots: t.exposeInt('slots', { description: 'Of nodes that can take work now' }),
    expectedWaitMs: t.int({
      nullable: true,
      description:
        "Of the caller's next task, submitted now. Null where no node can take it now, or where too few runs were measured",
      resolve: async (model, _args, context) => {
        const expected = await expectedWaits(context);
        const seconds = expected?.({ kind: model.kind, model: model.name }) ?? null;
        return seconds === null ? null : Math.round(Math.min(seconds * 1_000, MAX_INT));
      },
    }),
    freeSlots: t.exposeInt('freeSlots', { description: 'Those of the slots that nothing runs on' }),
  }),
});

builder.queryField('models', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: [ModelType],
    description: 'What the registered nodes offer',
    resolve: (_root, _args, { services }) => services.nodes.models.list(),
  }),
);
