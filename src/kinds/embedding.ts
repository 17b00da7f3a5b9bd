import { z } from 'zod';
import type { Kind } from './kind.ts';
import { madeFile } from './media.ts';

const MAX_TEXTS = 1_000;
/** Of all texts together. */
const MAX_CHARACTERS = 1_000_000;

const embeddingInput = z.strictObject({
  texts: z
    .array(z.string().min(1).max(100_000))
    .min(1)
    .max(MAX_TEXTS)
    .superRefine((texts, context) => {
      const characters = texts.reduce((sum, text) => sum + text.length, 0);
      if (characters <= MAX_CHARACTERS) return;
      const message = `must have at most ${MAX_CHARACTERS} characters together, not ${characters}`;
      context.addIssue({ code: 'custom', message });
    }),
});

/** All vectors, as {@link packVectors} packs them: in the row itself, or in a file where there are many. */
const embeddingOutput = z.union([
  z.strictObject({ dimensions: z.number().int().positive(), base64: z.string() }),
  z.strictObject({ dimensions: z.number().int().positive(), file: madeFile }),
]);

export type EmbeddingInput = z.infer<typeof embeddingInput>;
export type EmbeddingOutput = z.infer<typeof embeddingOutput>;

const MAGIC = Buffer.from('f32v');
const HEADER_BYTES = 12;
const NUMBER_BYTES = 4;
const CHARACTERS_PER_TOKEN = 4;

/**
 * Vectors of one length as bytes: `f32v`, their length and their number in 32 bits each, then all numbers as
 * 32-bit floats, everything little-endian.
 */
export function packVectors(vectors: readonly (readonly number[])[]): Buffer {
  const dimensions = vectors[0]?.length ?? 0;
  const bytes = Buffer.alloc(HEADER_BYTES + vectors.length * dimensions * NUMBER_BYTES);
  MAGIC.copy(bytes);
  bytes.writeUInt32LE(dimensions, 4);
  bytes.writeUInt32LE(vectors.length, 8);
  let at = HEADER_BYTES;
  for (const vector of vectors) {
    if (vector.length !== dimensions) throw new Error('vectors of different lengths cannot be packed');
    for (const number of vector) at = bytes.writeFloatLE(number, at);
  }
  return bytes;
}

/** What {@link packVectors} packed. @throws Error where the bytes are something else */
export function unpackVectors(packed: Uint8Array): Float32Array[] {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
  const isWhole = bytes.length >= HEADER_BYTES && bytes.subarray(0, 4).equals(MAGIC);
  const [dimensions, count] = isWhole ? [bytes.readUInt32LE(4), bytes.readUInt32LE(8)] : [0, 0];
  if (!isWhole || bytes.length !== HEADER_BYTES + dimensions * count * NUMBER_BYTES) {
    throw new Error('these bytes are no packed vectors');
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset + HEADER_BYTES);
  return Array.from({ length: count }, (_, n) => {
    const vector = new Float32Array(dimensions);
    const start = n * dimensions;
    for (let index = 0; index < dimensions; index++) {
      vector[index] = view.getFloat32((start + index) * NUMBER_BYTES, true);
    }
    return vector;
  });
}

/** A unit is a token, of which a text has about one for four characters, and at least one. */
export const embedding: Kind<'EMBEDDING', EmbeddingInput, EmbeddingOutput> = {
  name: 'EMBEDDING',
  slug: 'embedding',
  field: 'embedding',
  input: embeddingInput,
  output: embeddingOutput,
  timeoutMs: 120_000,
  cost: ({ texts }) => texts.reduce((sum, text) => sum + Math.ceil(text.length / CHARACTERS_PER_TOKEN), 0),
  media: () => [],
  secondsPerUnit: 0.0005,
};
