import type { Readable } from 'node:stream';
import type { Artifact, Database } from '../database/index.ts';
import { InvalidInputError } from '../errors.ts';
import type { Media, MediaReference } from '../kinds/index.ts';
import type { Log } from '../log.ts';
import type { UrlGuard } from '../urls/index.ts';
import { collectGarbage, type Garbage, removeArtifacts } from './garbage.ts';
import { createMediaLoader } from './media.ts';
import { shownAs } from './presentation.ts';
import type { StorageLimits } from './quota.ts';
import { createArtifactRows } from './rows.ts';
import { createSaving, type Saving } from './saving.ts';
import { createUrlSigner, type VerifiedUpload, type VerifiedUrl } from './signed-url.ts';
import type { ByteRange, Storage } from './storage.ts';
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

/** Stored files: what callers upload, and what nodes make. */
export interface Artifacts extends Saving {
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
  /** Ends the uploads that have expired, until the signal aborts. Answers how many are gone. */
  collectUploads(signal?: AbortSignal): Promise<number>;
  /** Removes those of them that no task has as a file, with their bytes. */
  remove(ids: readonly string[]): Promise<void>;
  /** Removes what nothing names and is older than the grace, until the signal aborts. */
  collectGarbage(options?: CollectOptions): Promise<Garbage>;
}

interface CollectOptions {
  /** A day, unless said otherwise. */
  readonly graceMs?: number;
  readonly signal?: AbortSignal;
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

  return {
    ...createSaving({ storage, rows: createArtifactRows(database, limits), maxBytes, log }),
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
    async collectGarbage({ graceMs = DAY_MS, signal } = {}) {
      const garbage = await collectGarbage(database, storage, { graceMs, signal });
      if (garbage.artifacts + garbage.files > 0) log.info(garbage, 'unused artifacts removed');
      return garbage;
    },
  };
}
