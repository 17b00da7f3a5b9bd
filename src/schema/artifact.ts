import { builder } from './builder.ts';
import type { Context } from './context.ts';

export const ArtifactType = builder.loadableNode('Artifact', {
  description: 'The url is absolute, signed and expires',
  id: { resolve: ({ id }) => id },
  load: (ids: string[], { services }: Context) => services.artifacts.find(ids),
  toKey: ({ id }) => id,
  sort: true,
  loaderOptions: { cache: false },
  fields: (t) => ({
    url: t.field({
      type: 'URL',
      resolve: (artifact, _args, { services }) => services.artifacts.signedUrl(artifact),
    }),
    mimeType: t.exposeString('mimeType'),
    sizeBytes: t.exposeInt('sizeBytes'),
    sha256: t.exposeString('sha256'),
    width: t.exposeInt('width', { nullable: true }),
    height: t.exposeInt('height', { nullable: true }),
    durationSeconds: t.exposeFloat('durationSeconds', { nullable: true }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
  }),
});
