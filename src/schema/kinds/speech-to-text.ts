import type { TranscriptOutput } from '../../kinds/index.ts';
import { builder } from '../builder.ts';
import { given } from '../given.ts';
import { MediaSourceInput } from '../media.ts';
import { kindSchema, type TaggedOutput } from './kind-schema.ts';

const SpeechToTextInput = builder.inputType('SpeechToTextInput', {
  fields: (t) => ({
    audio: t.field({ type: MediaSourceInput, required: true, description: 'The recording' }),
    model: t.string({ description: 'One of Query.models; left out: the default of the kind' }),
    language: t.string({ description: 'Of the speech, such as en; left out: the node finds out' }),
    prompt: t.string({
      description: 'Names and words that occur, or what was said before; up to 10,000 characters',
    }),
    timestamps: t.boolean({ defaultValue: false, description: 'Tell when each segment was said' }),
  }),
});

const TranscriptSegment = builder
  .objectRef<TranscriptOutput['segments'][number]>('TranscriptSegment')
  .implement({
    fields: (t) => ({
      startSeconds: t.exposeFloat('startSeconds', { description: 'From the beginning of the recording' }),
      endSeconds: t.exposeFloat('endSeconds', { description: 'From the beginning of the recording' }),
      text: t.exposeString('text', { description: 'What was said meanwhile' }),
    }),
  });

const TranscriptResult = builder.objectRef<TaggedOutput<'SPEECH_TO_TEXT'>>('TranscriptResult').implement({
  fields: (t) => ({
    text: t.exposeString('text', { description: 'Everything that was said' }),
    language: t.exposeString('language', {
      nullable: true,
      description: 'Of the speech, where the node tells it',
    }),
    durationSeconds: t.exposeFloat('durationSeconds', {
      nullable: true,
      description: 'Of the recording, where the node tells it',
    }),
    segments: t.field({
      type: [TranscriptSegment],
      description: 'In order; empty where no timestamps were asked for',
      resolve: ({ segments }) => segments,
    }),
  }),
});

export const speechToText = kindSchema({
  kind: 'SPEECH_TO_TEXT',
  description: 'Writes down what a recording says',
  input: SpeechToTextInput,
  result: TranscriptResult,
  async read({ model, audio, ...input }, attachments) {
    const { reference, durationSeconds } = await attachments.add('audio', audio);
    return {
      model: model ?? null,
      input: { ...given(input), audio: reference, ...(durationSeconds === null ? {} : { durationSeconds }) },
    };
  },
});
