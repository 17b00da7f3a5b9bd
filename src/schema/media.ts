import { builder } from './builder.ts';

const PcmInput = builder.inputType('PcmInput', {
  description: 'Raw signed 16-bit little-endian samples',
  fields: (t) => ({
    data: t.field({ type: 'File', required: true, description: 'The samples, without a header' }),
    sampleRate: t.int({ required: true, description: 'Samples a second, such as 16000' }),
    channels: t.int({ defaultValue: 1, description: 'Interleaved channels: 1 is mono' }),
  }),
});

const FileFromTask = builder.inputType('FileFromTask', {
  description: 'A file that another task makes: this one depends on it. Exactly one of taskId and ref',
  fields: (t) => ({
    taskId: t.id({ description: 'One of your own tasks' }),
    ref: t.string({ description: 'One of the same batch' }),
    index: t.int({ defaultValue: 0, description: 'Which of its files: 0 is the first' }),
  }),
});

export const MediaSourceInput = builder.inputType('MediaSource', {
  description: 'A file, in one of five ways',
  isOneOf: true,
  fields: (t) => ({
    upload: t.field({ type: 'File', description: 'Sent along in a multipart request' }),
    artifactId: t.id({ description: 'One that is stored already: an earlier upload or result of your own' }),
    url: t.field({ type: 'URL', description: 'Fetched at each attempt; private addresses are refused' }),
    fromTask: t.field({
      type: FileFromTask,
      description: 'Made by another task, which has to succeed first',
    }),
    pcm: t.field({
      type: PcmInput,
      description: 'Samples without a header, sent along in a multipart request',
    }),
  }),
});
