import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { Artifact } from '../database/index.ts';
import { type EmbeddingOutput, unpackVectors } from '../kinds/index.ts';

/** What is needed of the artifacts. */
interface Files {
  find(ids: readonly string[]): Promise<Artifact[]>;
  read(artifact: Artifact): Promise<Readable>;
}

/** What an EMBEDDING task came to: the vectors in its result, or in the file that it names. @throws MissingFileError */
export async function readVectors(artifacts: Files, output: EmbeddingOutput): Promise<Float32Array[]> {
  if ('base64' in output) return unpackVectors(Buffer.from(output.base64, 'base64'));
  const [file] = await artifacts.find([output.file]);
  if (file === undefined) throw new Error('the file of an embedding is gone');
  return unpackVectors(await buffer(await artifacts.read(file)));
}
