import { z } from 'zod';
import type { Media, SpeechToTextInput, TranscriptOutput } from '../../../kinds/index.ts';
import { badAnswer } from './answer.ts';
import { secondsOf } from './audio.ts';
import { cleanText } from './text.ts';

const seconds = z.number().nonnegative();

/** The fields that speech servers share; OpenAI's `verbose_json` has them all. */
const transcript = z.object({
  text: z.string(),
  language: z.string().min(1).nullish(),
  duration: seconds.nullish(),
  segments: z.array(z.object({ start: seconds, end: seconds, text: z.string() })).nullish(),
});

/**
 * The transcript in a server's answer, trimmed. Segments are kept where timestamps were asked for;
 * `BAD_NODE_ANSWER` where there is no text.
 */
export function transcriptOf(
  answer: unknown,
  { timestamps, durationSeconds }: SpeechToTextInput,
  media: Media,
): TranscriptOutput {
  const parsed = transcript.safeParse(answer);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw badAnswer(`is no transcript (${issue?.path.join('.')}: ${issue?.message})`);
  }
  const { text, language, duration, segments } = parsed.data;
  const length = secondsOf(media) ?? duration ?? durationSeconds;
  return {
    text: cleanText(text),
    ...(language == null ? {} : { language: cleanText(language) }),
    ...(length === undefined ? {} : { durationSeconds: length }),
    segments: (timestamps && segments ? segments : []).map(({ start, end, text }) => ({
      startSeconds: start,
      endSeconds: end,
      text: cleanText(text),
    })),
  };
}

/** The one file of a SPEECH_TO_TEXT call. */
export function audioOf(media: readonly Media[]): Media {
  const [audio] = media;
  if (audio === undefined) throw new Error('a SPEECH_TO_TEXT call came without its audio');
  return audio;
}

/** The language of a tag such as `en-US`, as speech models know it: `en`. */
export function languageOf({ language }: SpeechToTextInput): string | undefined {
  return language?.split(/[-_]/)[0]?.toLowerCase();
}
