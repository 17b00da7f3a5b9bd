import { fileTypeFromBuffer } from 'file-type';
import type { NodeClient } from '../client.ts';
import type { MadeByKind, MadeFile } from '../protocol.ts';
import { badAnswer } from './answer.ts';
import { download } from './download.ts';
import { cleanText, storableText } from './text.ts';

const MAX_FILE_BYTES = 128 * 1024 * 1024;
const MAX_FILES = 64;
/** Deeper values are of no use to anybody, and would break what walks them. */
const MAX_DEPTH = 100;

const DATA_URL = /^data:([\w.+-]+\/[\w.+-]+)?(?:;[\w.+-]+=[^;,]*)*;base64,/;

/** A file with the type that its own bytes tell, or else the one that the node gives it. */
export async function madeFile(bytes: Uint8Array, declared: string | undefined): Promise<MadeFile> {
  if (bytes.length === 0) throw badAnswer('is empty where a file was due');
  const type = await fileTypeFromBuffer(bytes);
  const claimed = declared?.split(';', 1)[0]?.trim().toLowerCase();
  return { bytes, mimeType: type?.mime ?? (claimed || 'application/octet-stream') };
}

/**
 * What a model answered as JSON: files that stand in it as data URLs are taken out, and `{"file": 0}` stands in
 * the place of the first. A value that is nothing but files is null.
 * @param behind fetches the file that a text is the link of; null where it is none
 */
export async function customResult(
  answer: unknown,
  behind: (text: string) => Promise<MadeFile | null> = async () => null,
): Promise<MadeByKind['CUSTOM']> {
  const files: MadeFile[] = [];

  async function take(value: unknown, depth: number): Promise<unknown> {
    if (depth > MAX_DEPTH) throw badAnswer(`is nested more than ${MAX_DEPTH} deep`);
    if (typeof value === 'string') return takeText(value);
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) {
      const items: unknown[] = [];
      for (const item of value) items.push(await take(item, depth + 1));
      return items;
    }
    const entries: [string, unknown][] = [];
    for (const [name, field] of Object.entries(value)) {
      entries.push([cleanText(name), await take(field, depth + 1)]);
    }
    return Object.fromEntries(entries);
  }

  async function takeText(text: string): Promise<unknown> {
    const head = DATA_URL.exec(text);
    if (head && files.length === MAX_FILES) throw badAnswer(`has more than ${MAX_FILES} files`);
    const file = head
      ? await madeFile(Buffer.from(text.slice(head[0].length), 'base64'), head[1])
      : files.length < MAX_FILES
        ? await behind(text)
        : null;
    if (!file) return storableText(text);
    files.push(file);
    return { file: files.length - 1 };
  }

  const value = await take(answer, 0);
  return { value: files.length > 0 && isOnlyFiles(value) ? null : value, files };
}

/** A file that the node's answer names by URL. */
export async function fetchedFile(url: string, node: NodeClient, signal: AbortSignal): Promise<MadeFile> {
  const { bytes, headers } = await download(node, url, { signal, maxBytes: MAX_FILE_BYTES });
  return madeFile(bytes, headers['content-type']);
}

function isFile(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'file' in value && Object.keys(value).length === 1;
}

function isOnlyFiles(value: unknown): boolean {
  return isFile(value) || (Array.isArray(value) && value.every(isFile));
}
