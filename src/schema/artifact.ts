import { builder } from './builder.ts';
import type { Context } from './context.ts';

export const ArtifactType = builder.loadableNode('Artifact', {
  description: 'The url is absolute, signed and expires',
  id: { resolve: ({ id }) => id },
  load: (ids: string[], { services }: Context) => services.artifacts.load(ids),
  toKey: ({ id }) => id,
  sort: true,
  loaderOptions: { cache: false },
  fields: (t) => ({
    url: t.field({
      type: 'URL',
      description: 'Where to download it: absolute, signed, good for a limited time',
      resolve: (artifact, _args, { services }) => services.artifacts.signedUrl(artifact),
    }),
    mimeType: t.exposeString('mimeType', {
      description: 'What its bytes are, not what somebody called them',
    }),
    sizeBytes: t.exposeInt('sizeBytes', { description: 'Length of the file' }),
    sha256: t.exposeString('sha256', { description: 'Of its bytes, in hexadecimal digits' }),
    width: t.exposeInt('width', { nullable: true, description: 'In pixels; null for what is no picture' }),
    height: t.exposeInt('height', { nullable: true, description: 'In pixels; null for what is no picture' }),
    durationSeconds: t.exposeFloat('durationSeconds', {
      nullable: true,
      description: 'Of a recording; null where it is not known',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was stored' }),
  }),
});
