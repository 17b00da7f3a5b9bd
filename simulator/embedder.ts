import { createHash } from 'node:crypto';

const DIMENSIONS = 128;
/** A word and its parts: those of a word in another form are mostly the same. */
const PART = 3;
const WORD_WEIGHT = 2;

/**
 * A vector of length 1 for a text, by the hashes of its words and of their parts: texts that share words are close
 * to each other, in whatever order, and others are not.
 */
export function embed(text: string): number[] {
  const vector = Array<number>(DIMENSIONS).fill(0);
  const add = (feature: string, weight: number) => {
    const hash = createHash('sha256').update(feature).digest();
    const place = hash.readUInt16LE(0) % DIMENSIONS;
    vector[place] = (vector[place] ?? 0) + (hash.readUInt8(2) % 2 === 0 ? weight : -weight);
  };
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [text]) {
    add(word, WORD_WEIGHT);
    for (let at = 0; at + PART <= word.length; at++) add(`part ${word.slice(at, at + PART)}`, 1);
  }
  const length = Math.hypot(...vector) || 1;
  return vector.map((value) => value / length);
}
