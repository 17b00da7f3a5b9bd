import { z } from 'zod';
import type { Kind } from './kind.ts';
import { seed } from './seed.ts';

const MAX_MESSAGES = 256;
/** Of all messages together. */
const MAX_CHARACTERS = 400_000;

const message = z.strictObject({
  role: z.enum(['SYSTEM', 'USER', 'ASSISTANT']),
  content: z.string().min(1).max(100_000),
});

const textGenerationInput = z
  .strictObject({
    prompt: z.string().min(1).max(100_000).optional(),
    messages: z.array(message).min(1).max(MAX_MESSAGES).optional(),
    maxTokens: z.number().int().min(1).max(131_072).optional(),
    temperature: z.number().min(0).max(2).optional(),
    seed: seed.optional(),
  })
  .superRefine(({ prompt, messages }, context) => {
    const wrong = (path: string, text: string): void =>
      context.addIssue({ code: 'custom', path: [path], message: text });
    if (prompt === undefined && messages === undefined) wrong('prompt', 'must be given, or else messages');
    if (prompt !== undefined && messages !== undefined)
      wrong('messages', 'must be left out where there is a prompt');
    const characters = messages?.reduce((sum, { content }) => sum + content.length, 0) ?? 0;
    if (characters > MAX_CHARACTERS) {
      wrong('messages', `must have at most ${MAX_CHARACTERS} characters together, not ${characters}`);
    }
  });

/** What no text has is not worth failing it for. */
const tokens = z.number().int().min(0).max(2_147_483_647).optional().catch(undefined);

const textOutput = z.strictObject({ text: z.string(), promptTokens: tokens, completionTokens: tokens });

export type TextGenerationInput = z.infer<typeof textGenerationInput>;
export type ChatMessage = z.infer<typeof message>;
export type TextOutput = z.infer<typeof textOutput>;

const DEFAULT_TOKENS = 512;
const CHARACTERS_PER_TOKEN = 4;
/** So many tokens are read in the time in which one is written. */
const READ_PER_WRITTEN = 20;

/** What is asked, as a conversation. */
export function conversationOf({ prompt, messages }: TextGenerationInput): readonly ChatMessage[] {
  return messages ?? [{ role: 'USER', content: prompt ?? '' }];
}

/** A unit is a token that is written. */
export const textGeneration: Kind<'TEXT_GENERATION', TextGenerationInput, TextOutput> = {
  name: 'TEXT_GENERATION',
  slug: 'text-generation',
  field: 'textGeneration',
  input: textGenerationInput,
  output: textOutput,
  timeoutMs: 300_000,
  cost(input) {
    const characters = conversationOf(input).reduce((sum, { content }) => sum + content.length, 0);
    return (input.maxTokens ?? DEFAULT_TOKENS) + characters / CHARACTERS_PER_TOKEN / READ_PER_WRITTEN;
  },
  media: () => [],
  text: ({ text }) => text,
  secondsPerUnit: 0.02,
};
