import type { Readable } from 'node:stream';
import { type Artifact, type Database, UncertainCommitError } from '../database/index.ts';
import { InvalidInputError } from '../errors.ts';
import { newId } from '../ids.ts';
import type { Media, MediaReference } from '../kinds/index.ts';
import type { Log } from '../log.ts';
import type { UrlGuard } from '../urls/index.ts';
import { collectGarbage, type Garbage, removeArtifacts } from './garbage.ts';
import { createMediaLoader } from './media.ts';
import { HEAD_BYTES, type Inspection, inspect } from './media-type.ts';
import { assertPcmFormat, type PcmFormat, pcmDuration, pcmMimeType } from './pcm.ts';
import { shownAs } from './presentation.ts';
import type { StorageLimits } from './quota.ts';
import { createArtifactRows } from './rows.ts';
import { createUrlSigner, type VerifiedUpload, type VerifiedUrl } from './signed-url.ts';
import { type Source, tap } from './source.ts';
import type { ByteRange, Storage, Stored } from './storage.ts';
import type { UploadRequest } from './upload-check.ts';
import { createUploads, type UploadTicket } from './uploads.ts';

export { createLocalStorage } from './local-storage.ts';
export { MediaUnavailableError } from './media-unavailable.ts';
export { IS_NAMED_ARTIFACT } from './named.ts';
export { nameOf, openStorage, type StorageLocation } from './open-storage.ts';
export { shownAs } from './presentation.ts';
export { askStored, isFull, type StorageLimits, storageExceeded } from './quota.ts';
export type { Source } from './source.ts';
export { type ByteRange, MissingFileError, type Storage } from './storage.ts';
export type { UploadRequest } from './upload-check.ts';
export type { UploadTicket } from './uploads.ts';
export { readVectors } from './vectors.ts';

interface Owned {
  readonly userId: string;
  /** The field of the input that the file came in, for messages. */
  readonly field?: string;
  /** What was made for the user is kept whatever he has stored already; and counts. */
  readonly overQuota?: boolean;
}

/** Stored files: what callers upload, and what nodes make. */
export interface Artifacts {
  /**
   * Stores a file, durably once it resolves. Its type is found in its bytes; `mimeType` counts only for
   * formats that have no mark of their own, such as plain text.
   * @throws InvalidInputError where it is empty or larger than the limit, QuotaExceededError
   */
  save(file: Source & Owned & { readonly mimeType?: string }): Promise<Artifact>;
  /** Stores raw samples as they are. @throws InvalidInputError naming sampleRate, channels or data; QuotaExceededError */
  savePcm(file: Source & Owned & PcmFormat): Promise<Artifact>;
  /** Those that exist, in no order. */
  find(ids: readonly string[]): Promise<Artifact[]>;
  /** As `find`; and those whose bytes were sent to the object store meanwhile. */
  load(ids: readonly string[]): Promise<Artifact[]>;
  /**
   * The user's artifacts of these ids, in their order.
   * @throws InvalidInputError naming the path of each that does not exist, is another user's, or has not been sent
   */
  requireOwned(userId: string, wanted: readonly { id: string; path: string }[]): Promise<Artifact[]>;
  /** @throws MissingFileError */
  read(artifact: Artifact, range?: ByteRange): Promise<Readable>;
  /**
   * Makes a file of a task's input ready for a node: loads the artifact, or fetches the URL.
   * @throws MediaUnavailableError; the signal's reason where it was aborted
   */
  media(reference: MediaReference, options: { userId: string; signal: AbortSignal }): Promise<Media>;
  /** Absolute, for everybody who has it, for a day: of this server, or of the object store. */
  signedUrl(artifact: Artifact): Promise<string>;
  /** Null where the URL is not one of an artifact. */
  verify(url: URL): VerifiedUrl | null;
  /** Where the user can send a file by himself. @throws InvalidInputError, QuotaExceededError */
  createUpload(userId: string, request: UploadRequest): Promise<UploadTicket>;
  /** Null where the URL is not one of an artifact. */
  verifyUpload(url: URL): VerifiedUpload | null;
  /** See `Uploads.receive`. */
  receiveUpload(id: string, bytes: AsyncIterable<Uint8Array>): Promise<Artifact>;
  /** Ends the uploads that have expired. */
  collectUploads(): Promise<number>;
  /** Removes those of them that no task has as a file, with their bytes. */
  remove(ids: readonly string[]): Promise<void>;
  /** Removes what nothing names and is older than the grace: a day, unless said otherwise. */
  collectGarbage(graceMs?: number): Promise<Garbage>;
}

export interface ArtifactsOptions {
  readonly database: Database;
  readonly storage: Storage;
  readonly signingKey: Uint8Array;
  /** A function where it is known only once the server listens. */
  readonly publicUrl: string | (() => string);
  readonly maxBytes: number;
  /** None, unless given. */
  readonly limits?: StorageLimits;
  /** What fetches the URLs that callers give. */
  readonly guard: UrlGuard;
  /** For one file behind a URL. */
  readonly fetchTimeoutMs?: number;
  readonly log: Log;
}

const DAY_MS = 24 * 3600 * 1000;

export function createArtifacts(options: ArtifactsOptions): Artifacts {
  const { database, storage, guard, maxBytes, log } = options;
  const signer = createUrlSigner({ ...options, clock: database.clock });
  const limits = options.limits ?? { FREE: null, PRO: null, VIP: null };
  const rows = createArtifactRows(database, limits);
  const uploads = createUploads({ ...options, limits, signer });
  const find = (ids: readonly string[]) =>
    database.prisma.artifact.findMany({ where: { id: { in: [...ids] } } });

  /** Of a user, or of anybody. Answers those that exist then, and why others are none yet. */
  async function findOrFinish(ids: readonly string[], userId?: string) {
    const found = await find(ids);
    const known = new Set(found.map(({ id }) => id));
    const missing = ids.filter((id) => !known.has(id));
    if (missing.length === 0) return { found, problems: new Map<string, string>() };
    const problems = await uploads.finish(missing, userId);
    return { found: [...found, ...(await find(missing))], problems };
  }

  /** What is left over in spite of it goes with the clean-up. */
  async function takeAway(key: string): Promise<void> {
    await storage
      .remove(key)
      .catch((error: unknown) => log.warn({ err: error, key }, 'a file was left over'));
  }

  /** Writes the file, then its row; a file that gets no row is taken away again. */
  async function store(
    file: Source & Owned,
    describe: (stored: Stored, head: Uint8Array) => Promise<Inspection>,
  ): Promise<Artifact> {
    const tapped = tap(file, { maxBytes, headBytes: HEAD_BYTES, field: file.field ?? '' });
    const stored = await storage.put(tapped.chunks);
    try {
      const inspection = await describe(stored, tapped.head());
      const { key, size, sha256 } = stored;
      const { userId, overQuota = false } = file;
      const row = { id: newId(), userId, storageKey: key, sizeBytes: size, sha256, ...inspection };
      return await rows.write({ ...row, overQuota });
    } catch (error) {
      // There may be a row that names it.
      if (!(error instanceof UncertainCommitError)) await takeAway(stored.key);
      throw error;
    }
  }

  return {
    save(file) {
      return store(file, async ({ size }, head) => {
        if (size === 0) {
          throw new InvalidInputError([{ path: file.field ?? '', message: 'the file is empty' }]);
        }
        return inspect(head, size, file.mimeType);
      });
    },
    async savePcm(file) {
      const { field = '' } = file;
      assertPcmFormat(file, field);
      return store({ ...file, field: field === '' ? 'data' : `${field}.data` }, async ({ size }) => ({
        mimeType: pcmMimeType(file),
        width: null,
        height: null,
        durationSeconds: pcmDuration(file, size, field),
      }));
    },
    find,
    load: async (ids) => (await findOrFinish(ids)).found,
    async requireOwned(userId, wanted) {
      const { found, problems } = await findOrFinish(
        wanted.map(({ id }) => id),
        userId,
      );
      const owned = new Map(found.filter((row) => row.userId === userId).map((row) => [row.id, row]));
      const missing = wanted.filter(({ id }) => !owned.has(id));
      if (missing.length > 0) {
        const unknown = 'no artifact of yours has this id';
        throw new InvalidInputError(
          missing.map(({ id, path }) => ({ path, message: problems.get(id) ?? unknown })),
        );
      }
      return wanted.flatMap(({ id }) => owned.get(id) ?? []);
    },
    read: (artifact, range) => storage.read(artifact.storageKey, range),
    media: createMediaLoader({
      find,
      storage,
      guard,
      maxBytes,
      timeoutMs: options.fetchTimeoutMs ?? 60_000,
    }),
    async signedUrl(artifact) {
      const { id, storageKey } = artifact;
      return storage.direct?.downloadUrl(storageKey, shownAs(artifact)) ?? signer.sign(id);
    },
    verify: signer.verify,
    createUpload: uploads.create,
    verifyUpload: signer.verifyUpload,
    receiveUpload: uploads.receive,
    collectUploads: uploads.collect,
    remove: (ids) => removeArtifacts(database, storage, ids),
    async collectGarbage(graceMs = DAY_MS) {
      const garbage = await collectGarbage(database, storage, graceMs);
      if (garbage.artifacts + garbage.files > 0) log.info(garbage, 'unused artifacts removed');
      return garbage;
    },
  };
}
