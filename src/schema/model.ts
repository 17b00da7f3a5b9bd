import type { OfferedModel } from '../nodes/index.ts';
import { builder } from './builder.ts';
import { TaskKindEnum } from './kinds/index.ts';

const ModelType = builder.objectRef<OfferedModel>('Model').implement({
  fields: (t) => ({
    kind: t.expose('kind', { type: TaskKindEnum, description: 'What it does' }),
    name: t.exposeString('name', { description: 'As a submission names it' }),
    isDefault: t.exposeBoolean('isDefault', {
      description: 'Whether a submission of the kind that names no model gets it',
    }),
    slots: t.exposeInt('slots', { description: 'Of nodes that can take work now' }),
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
