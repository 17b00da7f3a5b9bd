import { crc32, deflateSync } from 'node:zlib';
import { drawPicture, editPicture, type PictureRequest } from '../picture.ts';

/** What is drawn: from nothing, or from a picture. */
export type Drawn = PictureRequest & {
  readonly from?: Uint8Array | null;
  readonly strength?: number | undefined;
};

function draw({ from, ...request }: Drawn): Promise<Buffer> {
  return from ? editPicture({ ...request, picture: from }) : drawPicture(request);
}

/** A PNG as image servers write it: what made it stands inside, under that keyword, for everybody to read. */
export async function signedPicture(picture: Drawn, keyword: string, text: string): Promise<Buffer> {
  const png = await draw({ ...picture, format: 'png' });
  // Behind the signature and the header.
  const start = 33;
  return Buffer.concat([png.subarray(0, start), textChunk(keyword, text), png.subarray(start)]);
}

function textChunk(keyword: string, text: string): Buffer {
  const body = Buffer.concat([Buffer.from(`zTXt${keyword}\0\0`, 'latin1'), deflateSync(text)]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(body.length - 4, 0);
  frame.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
}

/** A side as such servers make it, without a word: a multiple of 8, within bounds, or the default. */
export function clampedSide(value: unknown, standard: number): number {
  const wanted = typeof value === 'number' && value > 0 ? value : standard;
  return Math.min(4096, Math.max(64, Math.ceil(wanted / 8) * 8));
}

/** A picture of a body, in base64 or a data URL; null where there is none. */
export function pictureOf(value: unknown): Uint8Array | null {
  if (typeof value !== 'string' || value === '') return null;
  return new Uint8Array(Buffer.from(value.replace(/^data:[^,]*,/, ''), 'base64'));
}

/** A number from 0 to 1 of a body; undefined where it is none. */
export function share(value: unknown): number | undefined {
  const number = typeof value === 'string' ? Number(value) : value;
  return typeof number === 'number' && number >= 0 && number <= 1 ? number : undefined;
}
