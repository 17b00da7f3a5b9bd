import { canSee } from '../accounts/index.ts';
import { decodeId } from '../ids.ts';
import { builder } from './builder.ts';
import { GenerationType } from './generation.ts';
import { connectionCost, pageOf, pageRequest } from './page.ts';

builder.queryField('generation', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: GenerationType,
    nullable: true,
    description: "Null where it does not exist or is not the caller's",
    args: { id: t.arg.id({ required: true, description: 'Of the generation: generation_…' }) },
    resolve: async (_root, args, { services, viewer }) => {
      const id = decodeId('Generation', args.id);
      const generation = id && (await services.database.prisma.generation.findUnique({ where: { id } }));
      return generation && canSee(viewer, generation.userId) ? generation : null;
    },
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
