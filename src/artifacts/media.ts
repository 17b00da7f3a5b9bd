import type { Artifact } from '../database/index.ts';
import type { Media, MediaReference } from '../kinds/index.ts';
import type { UrlGuard } from '../urls/index.ts';
import { fetchUrl } from './fetch-url.ts';
import { detectType, extensionOf, HEAD_BYTES } from './media-type.ts';
import { MediaUnavailableError } from './media-unavailable.ts';
import { pcmFormatOf } from './pcm.ts';
import { MissingFileError, type Storage } from './storage.ts';

export interface MediaLoaderOptions {
  readonly find: (ids: readonly string[]) => Promise<Artifact[]>;
  readonly storage: Storage;
  readonly guard: UrlGuard;
  readonly maxBytes: number;
  readonly timeoutMs: number;
}

export type MediaLoader = (
  reference: MediaReference,
  options: { userId: string; signal: AbortSignal },
) => Promise<Media>;

/** Nothing of a caller's in it, so that it is safe in a header. */
function fileNameOf(mimeType: string): string {
  const sort = /^(?:audio|image|video|text|model)(?=\/)/.exec(mimeType)?.[0] ?? 'file';
  return `${sort}.${extensionOf(mimeType)}`;
}

const gone = (cause?: unknown) =>
  new MediaUnavailableError('the artifact of the input does not exist any more', {
    retryable: false,
    cause,
  });

const unreadable = (cause: unknown) =>
  new MediaUnavailableError('the artifact of the input cannot be read just now', { retryable: true, cause });

/** See `Artifacts.media`. */
export function createMediaLoader(options: MediaLoaderOptions): MediaLoader {
  const { find, storage, guard, maxBytes, timeoutMs } = options;

  async function ofArtifact(
    { artifactId, pcm }: Extract<MediaReference, { artifactId: string }>,
    userId: string,
  ): Promise<Media> {
    const [artifact] = await find([artifactId]);
    if (artifact?.userId !== userId) throw gone();
    const { mimeType, sizeBytes, storageKey } = artifact;
    const format = pcm ?? pcmFormatOf(mimeType);
    const blob = () =>
      storage.blob(storageKey, mimeType).catch((error: unknown) => {
        throw error instanceof MissingFileError ? gone(error) : unreadable(error);
      });
    return { fileName: fileNameOf(mimeType), mimeType, sizeBytes, blob, ...(format ? { pcm: format } : {}) };
  }

  async function ofUrl(url: string, signal: AbortSignal): Promise<Media> {
    const { bytes, contentType } = await fetchUrl(url, { guard, maxBytes, timeoutMs, signal });
    const mimeType = await detectType(bytes.subarray(0, HEAD_BYTES), contentType);
    return {
      fileName: fileNameOf(mimeType),
      mimeType,
      sizeBytes: bytes.byteLength,
      blob: async () => new Blob([bytes], { type: mimeType }),
    };
  }

  return async (reference, { userId, signal }) => {
    signal.throwIfAborted();
    return 'url' in reference ? ofUrl(reference.url, signal) : ofArtifact(reference, userId);
  };
}
