import type { OfferedModel } from '../nodes/index.ts';
import { builder } from './builder.ts';
import { TaskKindEnum } from './kinds/index.ts';

const ModelType = builder.objectRef<OfferedModel>('Model').implement({
  fields: (t) => ({
    kind: t.expose('kind', { type: TaskKindEnum }),
    name: t.exposeString('name'),
    isDefault: t.exposeBoolean('isDefault'),
    slots: t.exposeInt('slots', { description: 'Of nodes that can take work now' }),
    freeSlots: t.exposeInt('freeSlots'),
  }),
});

builder.queryField('models', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: [ModelType],
    description: 'What the registered nodes offer',
    resolve: (_root, _args, { services }) => services.nodes.models.list(),
  }),
);
