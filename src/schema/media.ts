import { builder } from './builder.ts';

const PcmInput = builder.inputType('PcmInput', {
  description: 'Raw signed 16-bit little-endian samples',
  fields: (t) => ({
    data: t.field({ type: 'File', required: true }),
    sampleRate: t.int({ required: true }),
    channels: t.int({ defaultValue: 1 }),
  }),
});

export const MediaSourceInput = builder.inputType('MediaSource', {
  isOneOf: true,
  fields: (t) => ({
    upload: t.field({ type: 'File' }),
    artifactId: t.id(),
    url: t.field({ type: 'URL' }),
    pcm: t.field({ type: PcmInput }),
  }),
});
