import { crc32, deflateSync } from 'node:zlib';
import { drawPicture, type PictureRequest } from '../picture.ts';

/** A PNG as image servers write it: what made it stands inside, under that keyword, for everybody to read. */
export async function signedPicture(picture: PictureRequest, keyword: string, text: string): Promise<Buffer> {
  const png = await drawPicture({ ...picture, format: 'png' });
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
