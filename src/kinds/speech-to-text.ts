import { z } from 'zod';
import type { Kind } from './kind.ts';
import { mediaReference } from './media.ts';

const speechToTextInput = z.strictObject({
  audio: mediaReference,
  language: z.string().min(1).max(35).optional(),
  prompt: z.string().max(10_000).optional(),
  timestamps: z.boolean().default(false),
  /** Length of the audio where it is known at submit; estimates use it. */
  durationSeconds: z.number().positive().optional(),
});

const transcriptOutput = z.strictObject({
  text: z.string(),
  language: z.string().optional(),
  durationSeconds: z.number().nonnegative().optional(),
  segments: z.array(z.strictObject({ startSeconds: z.number(), endSeconds: z.number(), text: z.string() })),
});

export type SpeechToTextInput = z.infer<typeof speechToTextInput>;
export type TranscriptOutput = z.infer<typeof transcriptOutput>;

const UNKNOWN_DURATION_SECONDS = 60;

/** A unit is a second of audio. */
export const speechToText: Kind<'SPEECH_TO_TEXT', SpeechToTextInput, TranscriptOutput> = {
  name: 'SPEECH_TO_TEXT',
  slug: 'speech-to-text',
  field: 'speechToText',
  input: speechToTextInput,
  output: transcriptOutput,
  timeoutMs: 120_000,
  cost: ({ durationSeconds = UNKNOWN_DURATION_SECONDS }) => durationSeconds,
  media: ({ audio }) => [audio],
  text: ({ text }) => text,
  secondsPerUnit: 0.1,
};
