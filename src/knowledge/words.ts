/** Scripts that put no spaces between words. */
const unspaced =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}]+/gu;

/** A text with its words apart, as PostgreSQL's parser takes them: queries and chunks go through it alike. */
export function spaced(text: string): string {
  return text.replaceAll(unspaced, (run) => {
    const segments = new Intl.Segmenter('zh', { granularity: 'word' }).segment(run);
    return ` ${Array.from(segments, ({ segment }) => segment).join(' ')} `;
  });
}
