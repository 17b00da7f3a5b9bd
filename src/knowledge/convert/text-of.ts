import { AS_UTF8, type DocumentType } from './detect.ts';
import { Refusal } from './refusal.ts';
import { decodeText, tidy } from './text.ts';

/** Parsers are loaded where they are needed: most of the time that a small file takes is that of starting. */
async function extract(
  type: DocumentType,
  bytes: Uint8Array,
  progress: (share: number) => void,
): Promise<string | null> {
  switch (type) {
    case 'pdf':
      return (await import('./pdf.ts')).pdfText(bytes, progress);
    case 'docx':
      return (await import('./docx.ts')).docxText(bytes);
    case 'html': {
      const { decodeHtml, htmlText } = await import('./html.ts');
      const html = decodeHtml(bytes);
      return html === null ? null : htmlText(html);
    }
    case 'markdown':
    case 'text':
      return decodeText(bytes);
    default:
      return type satisfies never;
  }
}

/** The whole text of a file. @throws Refusal where it has none, or can't be read */
export async function textOf(
  type: DocumentType,
  bytes: Uint8Array,
  progress: (share: number) => void,
): Promise<string> {
  const text = await extract(type, bytes, progress);
  if (text === null) {
    throw new Refusal(`it begins like a text, but is none: it has bytes that no text has. ${AS_UTF8}`);
  }
  const tidied = tidy(text);
  if (tidied.trim() === '') throw new Refusal('it has no text: there is nothing in it to search for');
  return tidied;
}
