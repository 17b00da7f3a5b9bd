import sharp from 'sharp';
import type { Media } from '../../../kinds/index.ts';
import { NodeFault } from '../fault.ts';
import type { MadeFile } from '../protocol.ts';
import type { FilePart } from './multipart.ts';
import { rejected } from './refusal.ts';

const MAX_PIXELS = 1024 * 1024;

/**
 * The picture of a call in base64, for servers that take it inside of JSON.
 * @throws NodeFault: the task's fault where it is no picture, or is larger than the server takes
 */
export async function pictureAsBase64(
  media: readonly Media[],
  { maxBytes = Number.POSITIVE_INFINITY } = {},
): Promise<string> {
  const picture = pictureIn(media);
  if (picture.sizeBytes > maxBytes) throw rejected(`the picture is larger than ${maxBytes} bytes`);
  return (await bytesOf(picture)).toString('base64');
}

/** The same as a data URL. */
export async function pictureAsDataUrl(media: readonly Media[]): Promise<string> {
  return `data:${pictureIn(media).mimeType};base64,${await pictureAsBase64(media)}`;
}

/** The picture of a call, read. @throws NodeFault: the task's fault where it is no picture */
export async function pictureBytes(media: readonly Media[]): Promise<MadeFile> {
  const picture = pictureIn(media);
  return { bytes: await bytesOf(picture), mimeType: picture.mimeType };
}

/** The same for a multipart form. */
export async function pictureFile(media: readonly Media[]): Promise<FilePart> {
  const picture = pictureIn(media);
  return { blob: await picture.blob(), fileName: picture.fileName, mimeType: picture.mimeType };
}

/**
 * The size in which a picture is to be changed: what was asked for, or else in its own proportions, with about a
 * megapixel at most.
 * @throws NodeFault: the task's fault where it is no picture that can be read
 */
export async function sizeFor(
  { width, height }: { readonly width?: number | undefined; readonly height?: number | undefined },
  media: readonly Media[],
): Promise<{ readonly width: number; readonly height: number }> {
  if (width !== undefined && height !== undefined) return { width, height };
  const own = await pixelsOf(await bytesOf(pictureIn(media)));
  if (width !== undefined) return { width, height: side((width * own.height) / own.width) };
  if (height !== undefined) return { width: side((height * own.width) / own.height), height };
  const scale = Math.min(1, Math.sqrt(MAX_PIXELS / (own.width * own.height)));
  return { width: side(own.width * scale), height: side(own.height * scale) };
}

/** As models like it. */
function side(pixels: number): number {
  return Math.min(4_096, Math.max(64, Math.round(pixels / 8) * 8));
}

async function pixelsOf(bytes: Buffer): Promise<{ width: number; height: number }> {
  try {
    const { autoOrient } = await sharp(bytes).metadata();
    return autoOrient;
  } catch {
    throw rejected('the picture cannot be read');
  }
}

function pictureIn([media]: readonly Media[]): Media {
  if (media === undefined) throw new Error('a call came without its picture');
  if (!media.mimeType.startsWith('image/')) throw rejected(`the file is no picture but ${media.mimeType}`);
  return media;
}

async function bytesOf(picture: Media): Promise<Buffer> {
  try {
    return Buffer.from(await (await picture.blob()).arrayBuffer());
  } catch (cause) {
    const message = 'the picture of the task could not be read';
    throw new NodeFault(message, { side: 'input', code: 'INPUT_UNAVAILABLE', sent: false, cause });
  }
}
