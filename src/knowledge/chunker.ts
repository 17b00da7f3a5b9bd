/** A piece of a text, by the offsets of its first character and of the one behind its last. */
export interface Piece {
  readonly start: number;
  readonly end: number;
}

export interface ChunkSizes {
  /** Of a chunk, in characters (UTF-16 units), at most. */
  readonly size: number;
  /** How much of the end of a chunk the next one begins with, at most; no more than half of the size. */
  readonly overlap: number;
}

/** Where a text may be cut, from the best places to the worst. A border lies before the character of its offset. */
const borders = [
  // Before a heading.
  /\n(?=#{1,6} )/g,
  // Before a blank line.
  /\n(?=[^\S\n]*\n)/g,
  // Behind a sentence; Chinese and Japanese ones need no space after them.
  /(?<=[.!?…]["'”’»)\]]?)(?=\s)|(?<=[。！？][”’」』）]?)(?![。！？”’」』）])/g,
  /\n/g,
  /(?<=\S)(?=\s)/g,
] as const;

const [heading, , sentence, line, word] = borders;

/** What the text that two chunks share begins with, from the best to the worst. */
const starts = [sentence, line, word];

/** A border looks at what lies around it. */
const AROUND = 8;

/** All borders of a sort from `from` on, and not beyond `to`, in order. */
function* bordersIn(text: string, border: RegExp, { from, to }: { from: number; to: number }) {
  const start = Math.max(0, from - AROUND);
  for (const { index } of text.slice(start, to + AROUND).matchAll(border)) {
    const at = start + index;
    if (at >= from && at <= to) yield at;
  }
}

const isSpace = (text: string, at: number): boolean => /\s/.test(text.charAt(at));

function skipSpaces(text: string, at: number): number {
  let start = at;
  while (start < text.length && isSpace(text, start)) start++;
  return start;
}

/** Far enough for nearly all that a reader sees as one character: a family of emoji has 11. */
const AROUND_CHARACTER = 40;
const characters = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** What a reader sees as one character around an offset, or behind it; null where that is longer than anybody writes. */
function characterAt(text: string, at: number): Piece | null {
  const from = Math.max(0, at - AROUND_CHARACTER);
  const to = Math.min(text.length, at + AROUND_CHARACTER);
  const found = characters.segment(text.slice(from, to)).containing(at - from);
  if (found === undefined) return null;
  const start = from + found.index;
  const end = start + found.segment.length;
  return (start === from && from > 0) || (end === to && to < text.length) ? null : { start, end };
}

/** Not between the two halves of one code point. */
function isWhole(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return !(code >= 0xdc00 && code <= 0xdfff);
}

interface End {
  readonly end: number;
  readonly isBeforeHeading: boolean;
}

/** Where a chunk that begins at `start` ends: at the last of the best borders in the second half of its size. */
function endOf(text: string, start: number, size: number): End {
  const to = start + size;
  if (to >= text.length) return { end: text.length, isBeforeHeading: false };
  const from = start + Math.floor(size / 2) + 1;
  for (const border of borders) {
    const end = [...bordersIn(text, border, { from, to })].at(-1);
    if (end !== undefined) return { end, isBeforeHeading: border === heading };
  }
  const whole = characterAt(text, to)?.start ?? 0;
  const cut = isWhole(text, to) ? to : to - 1;
  return { end: whole >= from ? whole : cut, isBeforeHeading: false };
}

/** Where in the last characters of a chunk that ends at `end` the next one begins: no more than `overlap` of them. */
function nextStart(text: string, end: number, overlap: number): number {
  const from = end - overlap;
  for (const border of starts) {
    for (const at of bordersIn(text, border, { from, to: end - 1 })) {
      const start = skipSpaces(text, at);
      if (start < end) return start;
    }
  }
  const character = characterAt(text, from);
  if (character?.start === from) return from;
  if (character && character.end <= end) return character.end;
  return isWhole(text, from) ? from : from + 1;
}

/**
 * Cuts a text into chunks of at most `size` characters, at headings, paragraphs, sentences or at least words where
 * there are any, that share up to `overlap` characters with the one before, unless they begin with a heading.
 * Everything but white space around chunks is in one of them; none is empty.
 */
export function* chunksOf(text: string, { size, overlap }: ChunkSizes): Generator<Piece> {
  let start = skipSpaces(text, 0);
  while (start < text.length) {
    const { end, isBeforeHeading } = endOf(text, start, size);
    let last = end;
    while (last > start && isSpace(text, last - 1)) last--;
    yield { start, end: last };
    if (end === text.length) return;
    const isApart = isBeforeHeading || overlap === 0;
    start = skipSpaces(text, isApart ? end : nextStart(text, end, overlap));
  }
}
