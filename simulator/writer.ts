import { randomFrom } from './random.ts';

export interface WritingRequest {
  readonly prompt: string;
  readonly seed?: number;
  readonly maxTokens?: number;
}

const STANDARD_TOKENS = 48;
/** Of what was asked, that the answer comes back to. */
const MAX_TOPICS = 12;
const words = (
  'a the of and in with under above light shape line surface edge colour round smooth small large quiet ' +
  'bright simple clear then slowly always made seen held turned standing resting'
).split(' ');

/**
 * An answer to a prompt, in the pieces in which it is written: the words of the prompt among words of its own,
 * chosen by the hash of prompt and seed. The same request gives the same text, another one another.
 */
export function writeText({ prompt, seed = 0, maxTokens = STANDARD_TOKENS }: WritingRequest): string[] {
  const random = randomFrom(`${seed}\n${prompt}`);
  const pick = (from: readonly string[]): string => from[Math.floor(random() * from.length)] ?? '';
  const said = [...new Set(prompt.match(/[\p{L}\p{N}-]{3,}/gu) ?? ['nothing'])];
  const topics = said.slice(-MAX_TOPICS);
  const pieces: string[] = ['About', ...topics.map((topic) => ` ${topic}`), ':'];
  while (pieces.length < maxTokens) pieces.push(` ${random() < 0.3 ? pick(topics) : pick(words)}`);
  return pieces.slice(0, maxTokens);
}

/** How many tokens a text has, as this simulator counts. */
export function countTokens(text: string): number {
  return text.match(/\S+/g)?.length ?? 0;
}
