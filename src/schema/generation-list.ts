import { builder } from './builder.ts';
import { GenerationType } from './generation.ts';
import { connectionCost, pageOf, pageRequest } from './page.ts';
import { visibleGeneration } from './visible.ts';

builder.queryField('generation', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: GenerationType,
    nullable: true,
    description: "Null where it does not exist or is not the caller's",
    args: { id: t.arg.id({ required: true, description: 'Of the generation: generation_…' }) },
    resolve: (_root, args, context) => visibleGeneration(args.id, context),
  }),
);

builder.queryField('generations', (t) =>
  t.withAuth({ signedIn: true }).connection(
    {
      type: GenerationType,
      description: "The caller's own. Newest first.",
      complexity: connectionCost,
      resolve: async (_root, args, { services, viewer }) => {
        const page = pageRequest(args, 'desc');
        const generations = await services.database.prisma.generation.findMany({
          where: { userId: viewer.userId, id: page.id },
          orderBy: { id: page.direction },
          take: page.take,
        });
        return pageOf(generations, page);
      },
    },
    { name: 'GenerationConnection' },
    { name: 'GenerationEdge' },
  ),
);
