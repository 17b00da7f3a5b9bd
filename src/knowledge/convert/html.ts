import { Parser } from 'htmlparser2';
import { Refusal } from './refusal.ts';
import { decodeText } from './text.ts';

const skipped = new Set(['script', 'style', 'noscript', 'template', 'svg', 'iframe', 'object', 'canvas']);
const blocks = new Set(
  'address article aside blockquote dd details div dl dt fieldset figcaption figure footer form header hr main nav ol p pre section table title ul'.split(
    ' ',
  ),
);
const heading = /^h[1-6]$/;

/** Of elements in each other: far beyond what browsers keep apart. The parser's time grows with the square of it. */
const MAX_DEPTH = 5_000;

/** Text with its blocks apart: what is collected has no more blank lines than one, and no needless spaces. */
class Writer {
  readonly #pieces: string[] = [];
  /** Due before the next word: 0 nothing, 1 a line, 2 a blank line. */
  #breaks = 0;
  #space = false;
  #mark = '';

  break(lines: 1 | 2): void {
    this.#breaks = Math.max(this.#breaks, lines);
    this.#space = false;
  }

  /** What the next word is to begin with. */
  mark(text: string): void {
    this.#mark = text;
  }

  text(text: string, isVerbatim: boolean): void {
    const words = isVerbatim ? text : text.replaceAll(/\s+/g, ' ');
    const trimmed = isVerbatim ? words : words.trim();
    if (trimmed === '') {
      this.#space ||= words !== '';
      return;
    }
    if (this.#breaks > 0 && this.#pieces.length > 0) this.#pieces.push('\n'.repeat(this.#breaks));
    else if (this.#space || words.startsWith(' ')) this.#pieces.push(' ');
    this.#pieces.push(this.#mark, trimmed);
    this.#breaks = 0;
    this.#mark = '';
    this.#space = !isVerbatim && words.endsWith(' ');
  }

  toString(): string {
    return this.#pieces.join('').trim();
  }
}

/**
 * The words of a page, headings as in Markdown. Nothing of it is run or fetched.
 * @throws Refusal where its elements are nested too deep
 */
export function htmlText(html: string): string {
  const writer = new Writer();
  let skipping = 0;
  let verbatim = 0;
  let depth = 0;
  const parser = new Parser({
    onopentagname(name) {
      if (++depth > MAX_DEPTH) {
        const most = MAX_DEPTH.toLocaleString('en');
        throw new Refusal(`it has elements nested more than ${most} deep: it may be damaged`);
      }
      if (skipped.has(name)) skipping++;
      if (name === 'pre') verbatim++;
      if (heading.test(name)) {
        writer.break(2);
        writer.mark(`${'#'.repeat(Number(name[1]))} `);
      } else if (blocks.has(name)) writer.break(2);
      else if (name === 'br' || name === 'tr') writer.break(1);
      else if (name === 'li') {
        writer.break(1);
        writer.mark('- ');
      } else if (name === 'td' || name === 'th') writer.text(' ', false);
    },
    onclosetag(name) {
      depth--;
      if (skipped.has(name)) skipping--;
      if (name === 'pre') verbatim--;
      if (blocks.has(name) || heading.test(name)) writer.break(2);
      else if (name === 'tr' || name === 'li') writer.break(1);
    },
    ontext(text) {
      if (skipping === 0) writer.text(text, verbatim > 0);
    },
  });
  parser.write(html);
  parser.end();
  return writer.toString();
}

const SNIFFED_BYTES = 2_048;

/**
 * In the encoding that the page itself names; else as files of plain text are read. Null where it is no text. A page
 * that names UTF-16 in ASCII is in UTF-8, by the standard of HTML.
 */
export function decodeHtml(bytes: Uint8Array): string | null {
  const head = new TextDecoder('latin1').decode(bytes.subarray(0, SNIFFED_BYTES));
  const label = /<meta[^>]+charset\s*=\s*["']?([\w:.-]+)/i.exec(head)?.[1];
  return decodeText(bytes, { label: label?.replace(/^utf-16.*/i, 'utf-8') });
}
