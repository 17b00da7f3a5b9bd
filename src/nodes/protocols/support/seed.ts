import { createHash } from 'node:crypto';

/** A seed of 31 bits for a caller who gave none: the same name has the same one. */
export function seedOf(name: string): number {
  return createHash('sha256').update(name).digest().readUInt32BE() >>> 1;
}
