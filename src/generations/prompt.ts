import type { ChatMessage } from '../kinds/index.ts';

/** Pictures take longer ones, but none that a model was told to keep short. */
const MAX_CHARACTERS = 4_000;

const INSTRUCTIONS = `You write prompts for a text-to-image model. Its picture will be turned into a 3-D model and printed.
Rewrite what the user asks for into one prompt that:
- shows exactly one object, whole, centred, seen slightly from above at an angle, filling most of the picture;
- stands on a plain white background, evenly lit, without shadows, text, people or other things that were not asked for;
- describes a solid, closed form with clear edges, no thin or floating parts, and a flat base to stand on;
- keeps every detail of shape, material and colour that the user named, and the user's language.
Answer with the prompt alone: no introduction, no quotation marks, at most 80 words.`;

/** What a language model is asked, to make a prompt for a printable object of the user's. */
export function rewritingOf(prompt: string): readonly ChatMessage[] {
  return [
    { role: 'SYSTEM', content: INSTRUCTIONS },
    { role: 'USER', content: prompt },
  ];
}

/** The prompt in what a language model wrote: without its reasoning, fences and quotation marks. Null where none is left. */
export function promptIn(text: string): string | null {
  const prompt = text
    // Models that reason aloud do so first, and may be cut off before they have ended.
    .replace(/^[\s\S]*<\/think>/, '')
    .replace(/<think>[\s\S]*$/, '')
    .trim()
    .replace(/^```[^\n]*\n([\s\S]*?)\n?```$/, '$1')
    .trim()
    .replace(/^["'“”«„]([\s\S]*)["'“”»]$/, '$1')
    .trim();
  return prompt === '' || prompt.length > MAX_CHARACTERS ? null : prompt;
}
