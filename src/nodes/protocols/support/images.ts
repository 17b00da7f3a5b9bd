import { fileTypeFromBuffer } from 'file-type';
import type { MadeFile } from '../protocol.ts';
import { badAnswer } from './answer.ts';
import { withoutPngText } from './png.ts';
import { rawText } from './refusal.ts';

export const MAX_PICTURE_BYTES = 128 * 1024 * 1024;
/** Base64 of several pictures; a longer string than this V8 can't hold. */
export const MAX_PICTURES_BYTES = 384 * 1024 * 1024;

const MAX_SAID = 300;

/** What a server wrote in place of a picture, where that is text: mostly what went wrong. */
function said(bytes: Uint8Array): string {
  const text = rawText({ bytes });
  return text === '' || text.includes('\uFFFD') ? '' : `: ${text.slice(0, MAX_SAID)}`;
}

/** A picture with the type that its own bytes tell, without text inside; `BAD_NODE_ANSWER` where they are none. */
export async function picture(bytes: Uint8Array): Promise<MadeFile> {
  if (bytes.length === 0) throw badAnswer('is empty where a picture was due');
  const type = await fileTypeFromBuffer(bytes);
  if (type?.mime.startsWith('image/') !== true) {
    throw badAnswer(`is no picture${type === undefined ? said(bytes) : ` but ${type.mime}`}`);
  }
  return { bytes: withoutPngText(bytes), mimeType: type.mime };
}

/** A picture in base64, or in a data URL as some servers write it. */
export function pictureFromBase64(text: string): Promise<MadeFile> {
  return picture(Buffer.from(text.replace(/^data:[^,]*,/, ''), 'base64'));
}

const PREVIEW_TYPES = [
  { mimeType: 'image/jpeg', begins: Buffer.from('ffd8ff', 'hex') },
  { mimeType: 'image/png', begins: Buffer.from('89504e47', 'hex') },
  { mimeType: 'image/webp', begins: Buffer.from('RIFF') },
];

/** A picture that is not worth more than a glance; null where the bytes are none. */
export function previewOf(bytes: Uint8Array): MadeFile | null {
  const isIt = ({ begins }: { begins: Buffer }) => begins.equals(bytes.subarray(0, begins.length));
  const type = PREVIEW_TYPES.find(isIt);
  return type === undefined ? null : { bytes: withoutPngText(bytes), mimeType: type.mimeType };
}

export function previewFromBase64(text: string): MadeFile | null {
  return previewOf(Buffer.from(text.replace(/^data:[^,]*,/, ''), 'base64'));
}

/** Makes `count` pictures one by one, for nodes that make one a call, and reports each. */
export async function oneByOne(
  count: number,
  progress: (value: number, message: string) => void,
  make: (index: number) => Promise<MadeFile>,
): Promise<MadeFile[]> {
  const made: MadeFile[] = [];
  while (made.length < count) {
    made.push(await make(made.length));
    if (count > 1) progress(made.length / count, `${made.length} of ${count} pictures`);
  }
  return made;
}
