import { fileTypeFromBuffer } from 'file-type';
import sharp from 'sharp';
import { wavDuration } from './wav.ts';

/** What the bytes of a file say about it. */
export interface Inspection {
  readonly mimeType: string;
  readonly width: number | null;
  readonly height: number | null;
  readonly durationSeconds: number | null;
}

/** How much of a file's beginning {@link inspect} looks at. */
export const HEAD_BYTES = 256 * 1024;

const OCTETS = 'application/octet-stream';

/** Formats without a signature, for which there is only the sender's word. Nothing that a browser would run. */
const unsigned = /^(?:text\/(?:plain|csv|markdown|vtt)|application\/json|audio\/L16|model\/[\w.+-]+)$/i;

/** Other names of the same format. */
const aliases: Readonly<Record<string, string>> = {
  'audio/x-wav': 'audio/wav',
  'audio/vnd.wave': 'audio/wav',
  'audio/wave': 'audio/wav',
  'audio/x-flac': 'audio/flac',
  'audio/x-m4a': 'audio/mp4',
};

const extensions: Readonly<Record<string, string>> = {
  'application/json': 'json',
  'application/pdf': 'pdf',
  'application/zip': 'zip',
  'audio/aac': 'aac',
  'audio/amr': 'amr',
  'audio/flac': 'flac',
  'audio/l16': 'pcm',
  'audio/mp4': 'm4a',
  'audio/mpeg': 'mp3',
  'audio/ogg': 'ogg',
  'audio/opus': 'opus',
  'audio/wav': 'wav',
  'audio/webm': 'webm',
  'image/avif': 'avif',
  'image/bmp': 'bmp',
  'image/gif': 'gif',
  'image/jpeg': 'jpg',
  'image/png': 'png',
  'image/webp': 'webp',
  'model/gltf-binary': 'glb',
  'model/mtl': 'mtl',
  'model/obj': 'obj',
  'model/stl': 'stl',
  'text/csv': 'csv',
  'text/markdown': 'md',
  'text/plain': 'txt',
  'text/vtt': 'vtt',
  'video/mp4': 'mp4',
  'video/quicktime': 'mov',
  'video/webm': 'webm',
};

/** The type without its parameters, in lower case. */
function essence(mimeType: string): string {
  return mimeType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

/** `png`; `bin` for a type that we do not know. */
export function extensionOf(mimeType: string): string {
  return extensions[essence(mimeType)] ?? 'bin';
}

/** The type by content; the declared one only for formats that cannot be told by their bytes. */
export async function detectType(head: Uint8Array, declared: string | undefined): Promise<string> {
  const found = (await fileTypeFromBuffer(head))?.mime.split(';', 1)[0];
  if (found !== undefined) return aliases[found] ?? found;
  const claimed = essence(declared ?? '');
  return unsigned.test(claimed) ? claimed : OCTETS;
}

async function pixelSize(head: Uint8Array): Promise<{ width: number; height: number } | null> {
  try {
    const { width, height, orientation = 1 } = await sharp(head).metadata();
    // From 5 on, the picture is shown turned by a quarter.
    return orientation >= 5 ? { width: height, height: width } : { width, height };
  } catch {
    // Not a format that sharp reads, or damaged: a file without a known size is still a file.
    return null;
  }
}

/** @param size of the whole file, of which `head` is the beginning */
export async function inspect(
  head: Uint8Array,
  size: number,
  declared: string | undefined,
): Promise<Inspection> {
  const mimeType = await detectType(head, declared);
  const pixels = mimeType.startsWith('image/') ? await pixelSize(head) : null;
  return {
    mimeType,
    width: pixels?.width ?? null,
    height: pixels?.height ?? null,
    durationSeconds: mimeType === 'audio/wav' ? wavDuration(head, size) : null,
  };
}
