import { createHash } from 'node:crypto';

export interface Measured {
  readonly size: number;
  /** Hexadecimal, lower case. */
  readonly sha256: string;
}

/** Bytes on their way: how many, and their hash, once all have gone by. */
export interface Meter {
  readonly chunks: AsyncIterable<Uint8Array>;
  result(): Measured;
}

/** Measures what is read through it. */
export function measure(source: AsyncIterable<Uint8Array>): Meter {
  const hash = createHash('sha256');
  let size = 0;
  async function* pass(): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      hash.update(chunk);
      size += chunk.byteLength;
      yield chunk;
    }
  }
  return { chunks: pass(), result: () => ({ size, sha256: hash.digest('hex') }) };
}
