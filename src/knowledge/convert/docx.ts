import mammoth from 'mammoth';
import { htmlText } from './html.ts';
import { Refusal } from './refusal.ts';

/** The words of a Word file: its headings, lists and tables; pictures are left out. */
export async function docxText(bytes: Uint8Array): Promise<string> {
  try {
    const { value } = await mammoth.convertToHtml(
      { buffer: Buffer.from(bytes) },
      { convertImage: mammoth.images.imgElement(async () => ({ src: '' })) },
    );
    return htmlText(value);
  } catch (error) {
    throw new Refusal('it looks like a Word file (.docx), but is damaged: it could not be opened', {
      cause: error,
    });
  }
}
