/** Scripts that put no spaces between words. */
const unspaced =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}]+/gu;

/** In a database whose locale is C, PostgreSQL takes all of these for letters. */
const between = /(?!\p{ASCII}|\p{Extended_Pictographic})[\p{P}\p{S}\p{Z}]/gu;
const pictures = /(?!\p{ASCII})\p{Extended_Pictographic}/gu;
const softHyphens = /\u00ad/g;

/**
 * A text with its words apart and in small letters, as PostgreSQL's parser takes them whatever the database's locale is:
 * queries and chunks go through it alike.
 */
export function spaced(text: string): string {
  const words = text.normalize('NFKC').toLowerCase().replaceAll(softHyphens, '');
  const apart = words.replaceAll(between, ' ').replaceAll(pictures, ' $& ');
  return apart.replaceAll(unspaced, (run) => {
    const segments = new Intl.Segmenter('zh', { granularity: 'word' }).segment(run);
    return ` ${Array.from(segments, ({ segment }) => segment).join(' ')} `;
  });
}
