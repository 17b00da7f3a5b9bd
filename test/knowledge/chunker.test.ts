import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chunksOf, type Piece } from '../../src/knowledge/chunker.ts';

const cut = (text: string, size: number, overlap: number): Piece[] => [...chunksOf(text, { size, overlap })];
const texts = (text: string, size: number, overlap = 0): string[] =>
  cut(text, size, overlap).map(({ start, end }) => text.slice(start, end));

const word = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.constantFrom('.', '。', '! ', '?\n', '\n\n', '\n# Heading\n', '😀', '  ', 'word', 'a-very-long-word'),
);
const anyText = fc.array(word, { maxLength: 200 }).map((words) => words.join(' '));
const sizes = fc
  .integer({ min: 4, max: 120 })
  .chain((size) => fc.tuple(fc.constant(size), fc.integer({ min: 0, max: Math.floor(size / 2) })));

describe('chunks of any text', () => {
  it('have at most the size, are never empty, and begin and end with a word', () => {
    fc.assert(
      fc.property(anyText, sizes, (text, [size, overlap]) => {
        for (const { start, end } of cut(text, size, overlap)) {
          expect(end - start).toBeGreaterThan(0);
          expect(end - start).toBeLessThanOrEqual(size);
          expect(text.slice(start, end).trim()).toBe(text.slice(start, end));
        }
      }),
    );
  });

  it('come in order, share no more than the overlap, and leave out nothing but white space', () => {
    fc.assert(
      fc.property(anyText, sizes, (text, [size, overlap]) => {
        const pieces = cut(text, size, overlap);
        let covered = 0;
        for (const [n, { start, end }] of pieces.entries()) {
          const before = pieces[n - 1];
          if (before) {
            expect(start).toBeGreaterThan(before.start);
            expect(before.end - start).toBeLessThanOrEqual(overlap);
          }
          expect(text.slice(covered, start).trim()).toBe('');
          covered = Math.max(covered, end);
        }
        expect(text.slice(covered).trim()).toBe('');
      }),
    );
  });

  it('cut no character in two', () => {
    fc.assert(
      fc.property(anyText, sizes, (text, [size, overlap]) => {
        for (const piece of cut(text, size, overlap)) {
          expect(text.slice(piece.start, piece.end).isWellFormed()).toBe(true);
        }
      }),
    );
  });
});

describe('a chunk', () => {
  it('ends where a sentence does', () => {
    expect(texts('One is short. Two is a bit longer. Three is the last one.', 40)).toEqual([
      'One is short. Two is a bit longer.',
      'Three is the last one.',
    ]);
    expect(texts('今天天气很好。我们去公园散步。晚上回家吃饭。', 16)).toEqual([
      '今天天气很好。我们去公园散步。',
      '晚上回家吃饭。',
    ]);
  });

  it('ends before a heading rather than behind it', () => {
    const text =
      'Some words come first. And then a few more.\n## Next\nWhat follows stands under its heading.';
    expect(texts(text, 60)).toEqual([
      'Some words come first. And then a few more.',
      '## Next\nWhat follows stands under its heading.',
    ]);
  });

  it('ends with a paragraph rather than with a sentence of the next one', () => {
    expect(texts('A first paragraph ends here.\n\nThe next. It goes on for a while.', 45)).toEqual([
      'A first paragraph ends here.',
      'The next. It goes on for a while.',
    ]);
  });

  it('ends with a word where there are no sentences, and anywhere where there are no words', () => {
    expect(texts('one two three four five six seven', 12)).toEqual([
      'one two',
      'three four',
      'five six',
      'seven',
    ]);
    expect(texts('x'.repeat(25), 10)).toEqual(['x'.repeat(10), 'x'.repeat(10), 'xxxxx']);
  });

  it('begins with a sentence of the one before, or else with words of it', () => {
    expect(
      texts('Alpha beta gamma delta. Short one here. Then comes something else entirely.', 45, 20),
    ).toEqual([
      'Alpha beta gamma delta. Short one here.',
      'Short one here. Then comes something else',
      'something else entirely.',
    ]);
    expect(
      texts('A sentence that is rather long here. Short. And then another one follows.', 45, 20),
    ).toEqual(['A sentence that is rather long here. Short.', 'Short. And then another one follows.']);
  });

  it('begins with a line of the one before, where there are no sentences', () => {
    const code = ['const a = first(b);', 'const c = next(a);', 'send(c, d, e);', 'end(f, g);'].join('\n');
    expect(texts(code, 55, 22)).toEqual([
      'const a = first(b);\nconst c = next(a);\nsend(c, d, e);',
      'send(c, d, e);\nend(f, g);',
    ]);
  });

  it('begins with its heading, and with nothing of the section before', () => {
    const text = '# One\nThe first section. It ends here.\n# Two\nThe second section. It ends there.';
    expect(texts(text, 50, 20)).toEqual([
      '# One\nThe first section. It ends here.',
      '# Two\nThe second section. It ends there.',
    ]);
  });

  it('keeps together what a reader sees as one character', () => {
    const family = '👨‍👩‍👧‍👦';
    expect(texts(family.repeat(5), 30, 10)).toEqual([family.repeat(2), family.repeat(2), family]);
    expect(texts('e\u0301'.repeat(11), 9, 0)).toEqual([
      'e\u0301'.repeat(4),
      'e\u0301'.repeat(4),
      'e\u0301'.repeat(3),
    ]);
    // What has no end is cut all the same.
    expect(texts(`a${'\u0301'.repeat(24)}`, 10).map(({ length }) => length)).toEqual([10, 10, 5]);
  });
});
