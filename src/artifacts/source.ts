import { InvalidInputError } from '../errors.ts';

/** All of a file at once, or as it arrives. */
export type Source = { readonly bytes: Uint8Array } | { readonly stream: AsyncIterable<Uint8Array> };

/** A source on its way into the storage: bounded, and its beginning kept. */
export interface Tapped {
  readonly chunks: AsyncIterable<Uint8Array>;
  /** The first bytes that went by. */
  head(): Uint8Array;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** @param field of the input, named where the file is too large */
export function tap(source: Source, limits: { maxBytes: number; headBytes: number; field: string }): Tapped {
  const { maxBytes, headBytes, field } = limits;
  const kept: Uint8Array[] = [];
  let keptBytes = 0;
  let size = 0;

  async function* pass(): AsyncGenerator<Uint8Array> {
    for await (const chunk of 'bytes' in source ? once(source.bytes) : source.stream) {
      size += chunk.byteLength;
      if (size > maxBytes) {
        const message = `the file is larger than the limit of ${maxBytes} bytes`;
        throw new InvalidInputError([{ path: field, message }]);
      }
      if (keptBytes < headBytes) {
        const part = chunk.subarray(0, headBytes - keptBytes);
        kept.push(part);
        keptBytes += part.byteLength;
      }
      yield chunk;
    }
  }

  return { chunks: pass(), head: () => Buffer.concat(kept) };
}
