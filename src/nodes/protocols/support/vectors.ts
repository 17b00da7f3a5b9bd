import { packVectors } from '../../../kinds/index.ts';
import type { MadeByKind } from '../protocol.ts';
import { badAnswer } from './answer.ts';

/** More than this is not for a row of the database, and becomes a file. */
const MAX_ROW_BYTES = 64 * 1024;
const MAX_DIMENSIONS = 65_536;

export type Vector = readonly number[];

const isStorable = (value: number): boolean => Number.isFinite(Math.fround(value));

/** What vectors come to: packed, in the result itself or as a file. @throws NodeFault where they are not of one length, or no numbers */
export function made(vectors: readonly Vector[]): MadeByKind['EMBEDDING'] {
  const dimensions = vectors[0]?.length ?? 0;
  if (dimensions === 0 || dimensions > MAX_DIMENSIONS)
    throw badAnswer(`has vectors of ${dimensions} numbers`);
  if (vectors.some(({ length }) => length !== dimensions))
    throw badAnswer('has vectors of different lengths');
  if (!vectors.every((vector) => vector.every(isStorable)))
    throw badAnswer('has vectors with values that are no 32-bit numbers');
  const bytes = packVectors(vectors);
  return bytes.length > MAX_ROW_BYTES
    ? { dimensions, file: { bytes, mimeType: 'application/octet-stream' } }
    : { dimensions, base64: bytes.toString('base64') };
}
