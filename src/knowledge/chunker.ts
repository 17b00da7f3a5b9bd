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
const borders: readonly RegExp[] = [
  // Before a heading.
  /\n(?=#{1,6} )/g,
  // Before a blank line.
  /\n(?=[^\S\n]*\n)/g,
  // Behind a sentence; Chinese and Japanese ones need no space after them.
  /(?<=[.!?…]["'”’»)\]]?)(?=\s)|(?<=[。！？][”’」』）]?)(?![。！？”’」』）])/g,
  /\n/g,
  /(?<=\S)(?=\s)/g,
];

const [, , sentence = /$/g, , word = /$/g] = borders;

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

/** Not between the two halves of one character. */
function isWhole(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return !(code >= 0xdc00 && code <= 0xdfff);
}

/** Where a chunk that begins at `start` ends: at the last of the best borders in the second half of its size. */
function endOf(text: string, start: number, size: number): number {
  const to = start + size;
  if (to >= text.length) return text.length;
  const from = start + Math.floor(size / 2) + 1;
  for (const border of borders) {
    const last = [...bordersIn(text, border, { from, to })].at(-1);
    if (last !== undefined) return last;
  }
  return isWhole(text, to) ? to : to - 1;
}

/**
 * Where the chunk after one that ends at `end` begins: with a sentence of its end, if one begins early enough in
 * what the two are to share, or else with a word.
 */
function nextStart(text: string, end: number, overlap: number): number {
  const from = end - overlap;
  if (overlap > 0) {
    for (const [border, to] of [
      [sentence, from + Math.floor(overlap / 2)],
      [word, end],
    ] as const) {
      for (const at of bordersIn(text, border, { from, to: Math.min(to, end - 1) })) {
        const start = skipSpaces(text, at);
        if (start < end) return start;
      }
    }
  }
  return isWhole(text, from) ? from : from + 1;
}

/**
 * Cuts a text into chunks of at most `size` characters, at headings, paragraphs, sentences or at least words where
 * there are any, that share up to `overlap` characters with the one before. Everything but white space around
 * chunks is in one of them; none is empty.
 */
export function* chunksOf(text: string, { size, overlap }: ChunkSizes): Generator<Piece> {
  let start = skipSpaces(text, 0);
  while (start < text.length) {
    const end = endOf(text, start, size);
    let last = end;
    while (last > start && isSpace(text, last - 1)) last--;
    yield { start, end: last };
    if (end === text.length) return;
    start = skipSpaces(text, nextStart(text, end, overlap));
  }
}
