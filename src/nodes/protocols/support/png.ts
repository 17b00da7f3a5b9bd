const SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex');
const TEXT_CHUNKS = new Set(['tEXt', 'zTXt', 'iTXt']);
const FRAME_BYTES = 12;

/**
 * A PNG without its text: image servers write prompts, seeds, the names of models and whole workflows there.
 * Not a pixel changes; bytes that are no PNG, or a broken one, come back as they are.
 */
export function withoutPngText(bytes: Uint8Array): Uint8Array {
  const png = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!png.subarray(0, SIGNATURE.length).equals(SIGNATURE)) return bytes;
  const kept: Buffer[] = [SIGNATURE];
  let start = SIGNATURE.length;
  while (start + FRAME_BYTES <= png.length) {
    const end = start + FRAME_BYTES + png.readUInt32BE(start);
    const type = png.toString('latin1', start + 4, start + 8);
    if (!TEXT_CHUNKS.has(type)) kept.push(png.subarray(start, end));
    start = end;
    if (type === 'IEND') break;
  }
  const isWhole = start <= png.length;
  return isWhole && kept.length > 1 ? Buffer.concat(kept) : bytes;
}
