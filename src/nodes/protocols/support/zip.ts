import { promisify } from 'node:util';
import { inflateRaw } from 'node:zlib';
import { badAnswer } from './answer.ts';

export interface ZipEntry {
  /** As the archive has it: good for its ending, never as a path. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface ZipLimits {
  readonly maxEntries: number;
  /** Of all files together, unpacked. */
  readonly maxBytes: number;
}

const END_OF_DIRECTORY = 0x0605_4b50;
const DIRECTORY_ENTRY = 0x0201_4b50;
const LOCAL_HEADER = 0x0403_4b50;
const END_BYTES = 22;
const ENTRY_BYTES = 46;
const LOCAL_BYTES = 30;
const MAX_COMMENT_BYTES = 0xffff;
const ENCRYPTED = 1;
const STORED = 0;
const DEFLATED = 8;

const inflate = promisify(inflateRaw);

interface Listed {
  readonly name: string;
  readonly flags: number;
  readonly method: number;
  readonly packedBytes: number;
  /** As the archive claims. */
  readonly unpackedBytes: number;
  readonly offset: number;
}

export function isZip(bytes: Uint8Array): boolean {
  return bytes.length >= END_BYTES && Buffer.from(bytes.subarray(0, 4)).readUInt32LE() === LOCAL_HEADER;
}

/**
 * The files of an archive, in memory only, folders left out. One that claims to be too large is refused before
 * anything of it is unpacked, and unpacking stops where an entry comes to more than it claims.
 * @throws NodeFault (BAD_NODE_ANSWER) where the archive is damaged, encrypted or larger than it may be
 */
export async function unzip(bytes: Uint8Array, { maxEntries, maxBytes }: ZipLimits): Promise<ZipEntry[]> {
  const archive = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries: ZipEntry[] = [];
  const files = list(archive, maxEntries).filter(({ name }) => !name.endsWith('/'));
  if (files.reduce((sum, { unpackedBytes }) => sum + unpackedBytes, 0) > maxBytes) throw tooLarge();
  for (const file of files) {
    entries.push({ name: file.name, bytes: await unpack(archive, file) });
  }
  return entries;
}

function list(archive: Buffer, maxEntries: number): Listed[] {
  const end = findEnd(archive);
  const count = archive.readUInt16LE(end + 10);
  if (count > maxEntries) throw badAnswer(`is an archive of more than ${maxEntries} files`);
  let at = archive.readUInt32LE(end + 16);
  return Array.from({ length: count }, () => {
    if (at + ENTRY_BYTES > archive.length || archive.readUInt32LE(at) !== DIRECTORY_ENTRY) throw damaged();
    const nameBytes = archive.readUInt16LE(at + 28);
    const name = archive.toString('utf8', at + ENTRY_BYTES, at + ENTRY_BYTES + nameBytes);
    const listed = {
      name,
      flags: archive.readUInt16LE(at + 8),
      method: archive.readUInt16LE(at + 10),
      packedBytes: archive.readUInt32LE(at + 20),
      unpackedBytes: archive.readUInt32LE(at + 24),
      offset: archive.readUInt32LE(at + 42),
    };
    at += ENTRY_BYTES + nameBytes + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
    return listed;
  });
}

function findEnd(archive: Buffer): number {
  const first = Math.max(0, archive.length - END_BYTES - MAX_COMMENT_BYTES);
  for (let at = archive.length - END_BYTES; at >= first; at--) {
    if (archive.readUInt32LE(at) === END_OF_DIRECTORY) return at;
  }
  throw damaged();
}

async function unpack(archive: Buffer, listed: Listed): Promise<Uint8Array> {
  const { flags, method, packedBytes, unpackedBytes, offset } = listed;
  if (flags & ENCRYPTED) throw badAnswer('is an archive that is encrypted');
  if (offset + LOCAL_BYTES > archive.length || archive.readUInt32LE(offset) !== LOCAL_HEADER) throw damaged();
  const start = offset + LOCAL_BYTES + archive.readUInt16LE(offset + 26) + archive.readUInt16LE(offset + 28);
  if (start + packedBytes > archive.length) throw damaged();
  const packed = archive.subarray(start, start + packedBytes);
  if (method === STORED && packed.length <= unpackedBytes) return packed;
  if (method === DEFLATED) return inflateUpTo(packed, unpackedBytes);
  throw method === STORED
    ? tooLarge()
    : badAnswer(`is an archive packed in a way that is not known (${method})`);
}

async function inflateUpTo(packed: Buffer, maxBytes: number): Promise<Uint8Array> {
  try {
    // The least that zlib takes as a limit; an empty file comes to nothing all the same.
    return await inflate(packed, { maxOutputLength: Math.max(maxBytes, 1) });
  } catch (cause) {
    const isLonger = cause instanceof Error && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE';
    throw isLonger ? tooLarge() : damaged(cause);
  }
}

const tooLarge = () => badAnswer('is an archive that unpacks to more than it may');
const damaged = (cause?: unknown) => badAnswer('is a damaged archive', cause);
