import { fileTypeFromBuffer } from 'file-type';
import { Refusal } from './refusal.ts';
import { beginsAsUtf8, decodeText } from './text.ts';

/** What can be made into text. */
export type DocumentType = 'pdf' | 'docx' | 'html' | 'markdown' | 'text';

export const mimeTypes: Readonly<Record<DocumentType, string>> = {
  pdf: 'application/pdf',
  docx: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  html: 'text/html',
  markdown: 'text/markdown',
  text: 'text/plain',
};

const READABLE = 'PDF, DOCX, HTML, Markdown and plain text can be read';

export const AS_UTF8 = 'If it is a text, save it as UTF-8';

const SNIFFED_BYTES = 4_096;
/** Readers of PDF look for its mark so far in. */
const PDF_MARK_WITHIN = 1_024;

const reasons: Readonly<Record<string, string>> = {
  'application/x-cfb': 'it is an old Word file (.doc), or one with a password: save it as .docx without one',
  'application/rtf': 'it is an RTF file: save it as .docx or PDF',
  'application/postscript': 'it is a PostScript file: save it as PDF',
  'application/zip': `it is a ZIP archive; ${READABLE}`,
};

/** Types whose files are text, but none for reading. */
const sources: ReadonlySet<string> = new Set(['application/rtf', 'application/postscript']);

/** What stands before a PDF's own mark is left out by its readers; that a text names the mark makes it no PDF. */
function isPdf(bytes: Uint8Array): boolean {
  const head = Buffer.from(bytes.subarray(0, PDF_MARK_WITHIN)).toString('latin1');
  const at = head.indexOf('%PDF-');
  if (at < 0) return false;
  return (
    /^(?:\xef\xbb\xbf)?\s*$/.test(head.slice(0, at)) ||
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes('endobj')
  );
}

/** Of text there is only the sender's word for which sort it is. */
function isMarkdown(name: string, claimed: string): boolean {
  return claimed.startsWith('text/markdown') || /\.(?:md|markdown|mdown|mkd)$/i.test(name);
}

// A comment ends at its first mark: with another way to read many of them, a try takes for ever.
const isHtml = (head: string): boolean =>
  /^\s*(?:<\?xml[^>]*>\s*)?(?:<!--(?:(?!-->)[\s\S])*-->\s*)*(?:<!doctype\s+html|<(?:html|head|body|title|h1|p|div|article|main)[\s>])/i.test(
    head,
  );

/** What begins as files of a type do may be a text about BMW, GIF or MZ all the same. */
function isText(found: string, beginning: Uint8Array): boolean {
  if (found.startsWith('text/') || found === 'application/xml') return true;
  return !sources.has(found) && beginsAsUtf8(beginning);
}

/**
 * What the bytes are, whatever they are called; the claimed type and name only tell Markdown from other text.
 * @throws Refusal for what can't be read
 */
export async function detect(
  bytes: Uint8Array,
  { name, claimedType }: { readonly name: string; readonly claimedType: string },
): Promise<DocumentType> {
  if (bytes.byteLength === 0) throw new Refusal('the file is empty');
  if (isPdf(bytes)) return 'pdf';
  const found = (await fileTypeFromBuffer(bytes))?.mime.split(';', 1)[0];
  if (found === mimeTypes.docx) return 'docx';
  const beginning = bytes.subarray(0, SNIFFED_BYTES);
  const head = decodeText(beginning, { isBeginning: true });
  // A page may name an encoding of its own.
  if (isHtml(head ?? Buffer.from(beginning).toString('latin1'))) return 'html';
  if (found !== undefined && !isText(found, beginning)) {
    throw new Refusal(reasons[found] ?? `it is ${found}; ${READABLE}`);
  }
  if (head === null) {
    throw new Refusal(`it is no text, and of no type that is known; ${READABLE}. ${AS_UTF8}`);
  }
  return isMarkdown(name, claimedType) ? 'markdown' : 'text';
}
