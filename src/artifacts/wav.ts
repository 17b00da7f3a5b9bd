/**
 * Seconds of sound in a RIFF/WAVE file, by its header; null where the header does not tell.
 * @param size of the whole file: what streaming writers leave open is taken to reach to its end
 */
export function wavDuration(head: Uint8Array, size: number): number | null {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const text = (at: number) => String.fromCharCode(...head.subarray(at, at + 4));
  if (head.byteLength < 12 || text(0) !== 'RIFF' || text(8) !== 'WAVE') return null;
  let bytesPerSecond = 0;
  for (let at = 12; at + 8 <= head.byteLength; ) {
    const length = view.getUint32(at + 4, true);
    const body = at + 8;
    if (text(at) === 'fmt ' && body + 12 <= head.byteLength) bytesPerSecond = view.getUint32(body + 8, true);
    if (text(at) === 'data') {
      const rest = size - body;
      const sound = length === 0 ? rest : Math.min(length, rest);
      return bytesPerSecond > 0 && sound > 0 ? sound / bytesPerSecond : null;
    }
    // Chunks are padded to an even length.
    at = body + length + (length % 2);
  }
  return null;
}
