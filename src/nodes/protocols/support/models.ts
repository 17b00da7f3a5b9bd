import path from 'node:path';
import { fileTypeFromBuffer } from 'file-type';
import type { MadeFile } from '../protocol.ts';
import { badAnswer } from './answer.ts';
import { rawText } from './refusal.ts';
import { isZip, unzip, type ZipEntry } from './zip.ts';

/** Of one model file as it comes over the wire. */
export const MAX_MODEL_BYTES = 128 * 1024 * 1024;

// An OBJ with its material and a few textures.
const ARCHIVE_LIMITS = { maxEntries: 64, maxBytes: 2 * MAX_MODEL_BYTES };

const GLB_MAGIC = 0x4654_6c67;
const GLB_HEADER_BYTES = 12;
const STL_HEADER_BYTES = 84;
const STL_FACET_BYTES = 50;

/** What a file is, by its own bytes, where it is a model; null where it is none. */
export function modelType(bytes: Uint8Array): 'model/gltf-binary' | 'model/obj' | 'model/stl' | null {
  if (glbLength(bytes) === bytes.length) return 'model/gltf-binary';
  if (isStl(bytes)) return 'model/stl';
  return isObj(bytes) ? 'model/obj' : null;
}

/** How long a GLB says that it is, so that one that is still being written can be told; null where it is none. */
export function glbLength(bytes: Uint8Array): number | null {
  if (bytes.length < GLB_HEADER_BYTES) return null;
  const header = Buffer.from(bytes.subarray(0, GLB_HEADER_BYTES));
  return header.readUInt32LE(0) === GLB_MAGIC && header.readUInt32LE(4) === 2 ? header.readUInt32LE(8) : null;
}

function isStl(bytes: Uint8Array): boolean {
  if (/^solid\b[^\n]*\n\s*facet\b/.test(rawText({ bytes: bytes.subarray(0, 1024) }))) return true;
  if (bytes.length < STL_HEADER_BYTES) return false;
  const facets = Buffer.from(bytes.subarray(80, STL_HEADER_BYTES)).readUInt32LE();
  return facets > 0 && bytes.length === STL_HEADER_BYTES + facets * STL_FACET_BYTES;
}

function isObj(bytes: Uint8Array): boolean {
  return !bytes.subarray(0, 2048).includes(0) && /^v[ \t]+[-\d.]/m.test(rawText({ bytes }));
}

/**
 * The model in what a node made, with what belongs to it: of an archive the model, its material, its
 * textures, and last the archive itself, in which they name each other.
 * @throws NodeFault (BAD_NODE_ANSWER) where there is no model in it
 */
export async function modelFiles(bytes: Uint8Array): Promise<MadeFile[]> {
  if (!isZip(bytes)) return [model(bytes)];
  const parts = await Promise.all((await unzip(bytes, ARCHIVE_LIMITS)).map(partOf));
  const known = parts.filter((part) => part !== null).sort((a, b) => a.rank - b.rank);
  if (known[0]?.rank !== 0) throw badAnswer('is an archive without a model');
  return [...known.map(({ file }) => file), { bytes, mimeType: 'application/zip' }];
}

function model(bytes: Uint8Array): MadeFile {
  const mimeType = modelType(bytes);
  if (mimeType === null)
    throw badAnswer(bytes.length === 0 ? 'is empty where a model was due' : 'is no model');
  return { bytes, mimeType };
}

/** Null for what does not belong to a model. Lower ranks come first. */
async function partOf({ name, bytes }: ZipEntry): Promise<{ rank: number; file: MadeFile } | null> {
  if (path.posix.extname(name).toLowerCase() === '.mtl') {
    return { rank: 1, file: { bytes, mimeType: 'model/mtl' } };
  }
  const mimeType = modelType(bytes);
  if (mimeType !== null) return { rank: 0, file: { bytes, mimeType } };
  const type = await fileTypeFromBuffer(bytes);
  return type?.mime.startsWith('image/') ? { rank: 2, file: { bytes, mimeType: type.mime } } : null;
}
