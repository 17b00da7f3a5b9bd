import { fileURLToPath } from 'node:url';
import { getDocumentProxy } from 'unpdf';
import { Refusal } from './refusal.ts';

interface Line {
  readonly text: string;
  /** Of its letters, in the page's units; 0 where it has none. */
  readonly height: number;
  /** Whether more than a line's room lies above it. */
  readonly isApart: boolean;
}

/** Larger than the body of the text by so much: a heading. */
const HEADING_RATIO = 1.2;
const MAX_HEADING_CHARACTERS = 200;
/** Of the letters' height, from line to line: within a paragraph it is less. */
const PARAGRAPH_RATIO = 1.8;

type Page = Awaited<ReturnType<Awaited<ReturnType<typeof getDocumentProxy>>['getPage']>>;

async function linesOf(page: Page): Promise<Line[]> {
  const { items } = await page.getTextContent();
  const lines: Line[] = [];
  let text = '';
  let height = 0;
  let lastY: number | null = null;
  let y: number | null = null;

  function end(): void {
    if (text.trim() !== '') {
      const gap = lastY === null || y === null ? Number.POSITIVE_INFINITY : Math.abs(lastY - y);
      lines.push({ text: text.trim(), height, isApart: gap > height * PARAGRAPH_RATIO });
      lastY = y;
    }
    text = '';
    height = 0;
  }

  for (const item of items) {
    if (!('str' in item)) continue;
    if (item.str.trim() !== '') {
      y = Number(item.transform[5]);
      height = Math.max(height, item.height);
    }
    text += item.str;
    if (item.hasEOL) end();
  }
  end();
  return lines;
}

/** The height of most letters. */
function bodyHeight(lines: readonly Line[]): number {
  const letters = new Map<number, number>();
  for (const { text, height } of lines) {
    const rounded = Math.round(height * 10) / 10;
    letters.set(rounded, (letters.get(rounded) ?? 0) + text.length);
  }
  return [...letters].sort((a, b) => b[1] - a[1])[0]?.[0] ?? 0;
}

function assemble(lines: readonly Line[]): string {
  const body = bodyHeight(lines);
  const pieces = lines.map(({ text, height, isApart }, n) => {
    const isHeading = height > body * HEADING_RATIO && text.length <= MAX_HEADING_CHARACTERS;
    const before = n === 0 ? '' : isHeading || isApart ? '\n\n' : '\n';
    return `${before}${isHeading ? '# ' : ''}${text}`;
  });
  // A word that a line's end divides.
  return pieces.join('').replaceAll(/(\p{Ll})-\n(\p{Ll})/gu, '$1$2');
}

const isAbout = (error: unknown, name: string): boolean => error instanceof Error && error.name === name;

/** The character maps that PDFs in Chinese, Japanese and Korean name without having them. */
const cMapUrl = fileURLToPath(new URL('cmaps/', import.meta.resolve('pdfjs-dist/package.json')));

async function open(bytes: Uint8Array) {
  try {
    // It takes no Buffer.
    const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return await getDocumentProxy(plain, { verbosity: 0, disableFontFace: true, cMapUrl, cMapPacked: true });
  } catch (error) {
    if (isAbout(error, 'PasswordException')) {
      throw new Refusal('it is protected with a password: save it without one', { cause: error });
    }
    throw new Refusal('it looks like a PDF, but is damaged: it could not be opened', { cause: error });
  }
}

/** @throws Refusal that names the page */
async function readPage(pdf: Awaited<ReturnType<typeof open>>, number: number): Promise<Line[]> {
  try {
    const page = await pdf.getPage(number);
    const lines = await linesOf(page);
    page.cleanup();
    return lines;
  } catch (error) {
    throw new Refusal(`it is damaged: page ${number} of ${pdf.numPages} could not be read; save it anew`, {
      cause: error,
    });
  }
}

/**
 * The words of a PDF, what is set larger than the rest as headings.
 * @param progress is told, between 0 and 1, after each page
 */
export async function pdfText(bytes: Uint8Array, progress: (share: number) => void): Promise<string> {
  const pdf = await open(bytes);
  const lines: Line[] = [];
  for (let n = 1; n <= pdf.numPages; n++) {
    lines.push(...(await readPage(pdf, n)));
    progress(n / pdf.numPages);
  }
  if (lines.length === 0) {
    const pages = pdf.numPages === 1 ? 'its page is' : `its ${pdf.numPages} pages are`;
    throw new Refusal(`it has no text: ${pages} empty, or pictures of text; make its text readable with OCR`);
  }
  return assemble(lines);
}
