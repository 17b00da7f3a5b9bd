import type { TranscriptOutput } from '../../kinds/index.ts';
import { builder } from '../builder.ts';
import { given } from '../given.ts';
import { MediaSourceInput } from '../media.ts';
import { kindSchema, type TaggedOutput } from './kind-schema.ts';

const SpeechToTextInput = builder.inputType('SpeechToTextInput', {
  fields: (t) => ({
    audio: t.field({ type: MediaSourceInput, required: true }),
    model: t.string(),
    language: t.string(),
    prompt: t.string(),
    timestamps: t.boolean({ defaultValue: false }),
  }),
});

const TranscriptSegment = builder
  .objectRef<TranscriptOutput['segments'][number]>('TranscriptSegment')
  .implement({
    fields: (t) => ({
      startSeconds: t.exposeFloat('startSeconds'),
      endSeconds: t.exposeFloat('endSeconds'),
      text: t.exposeString('text'),
    }),
  });

const TranscriptResult = builder.objectRef<TaggedOutput<'SPEECH_TO_TEXT'>>('TranscriptResult').implement({
  fields: (t) => ({
    text: t.exposeString('text'),
    language: t.exposeString('language', { nullable: true }),
    durationSeconds: t.exposeFloat('durationSeconds', { nullable: true }),
    segments: t.field({ type: [TranscriptSegment], resolve: ({ segments }) => segments }),
  }),
});

export const speechToText = kindSchema({
  kind: 'SPEECH_TO_TEXT',
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
