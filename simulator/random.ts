import { createHash } from 'node:crypto';

/** Numbers from 0 up to 1 that depend on the text alone. */
export function randomFrom(text: string): () => number {
  let hash = createHash('sha256').update(text).digest();
  let offset = 0;
  return () => {
    if (offset === hash.length) {
      hash = createHash('sha256').update(hash).digest();
      offset = 0;
    }
    offset += 4;
    return hash.readUInt32LE(offset - 4) / 2 ** 32;
  };
}
