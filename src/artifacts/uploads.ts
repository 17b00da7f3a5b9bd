import {
  type Artifact,
  type Database,
  type Transaction,
  type Upload,
  untilCertain,
} from '../database/index.ts';
import { NotFoundError, QuotaExceededError } from '../errors.ts';
import { newId } from '../ids.ts';
import type { Log } from '../log.ts';
import { createArrivals } from './arrivals.ts';
import { HEAD_BYTES } from './media-type.ts';
import { lockStored, refuseOverQuota, type StorageLimits } from './quota.ts';
import type { UrlSigner } from './signed-url.ts';
import { tap } from './source.ts';
import type { SignedRequest, Storage } from './storage.ts';
import { checkRequest, type UploadRequest } from './upload-check.ts';

/** Where, and with what, a file can be sent. */
export interface UploadTicket extends SignedRequest {
  /** Of the artifact that the file will be. */
  readonly artifactId: string;
  readonly expiresAt: Date;
}

/** Files that callers send by themselves: each is an artifact once its bytes are there and right. */
export interface Uploads {
  /** @throws InvalidInputError, QuotaExceededError */
  create(userId: string, request: UploadRequest): Promise<UploadTicket>;
  /**
   * Takes the bytes that were sent to this server. Sent again after they were taken, they are left unread.
   * @throws InvalidInputError where they are not what was announced, NotFoundError where nothing is awaited any more
   */
  receive(id: string, bytes: AsyncIterable<Uint8Array>): Promise<Artifact>;
  /**
   * Makes artifacts of those of the uploads whose bytes the object store has.
   * @param userId whose they are; anybody's where it is left out
   * @returns why the others, as far as they are open, are none yet
   */
  finish(ids: readonly string[], userId?: string): Promise<Map<string, string>>;
  /**
   * Ends uploads that have expired, until the signal aborts: those whose bytes are there become artifacts.
   * Answers how many are gone.
   */
  collect(signal?: AbortSignal): Promise<number>;
}

export interface UploadsOptions {
  readonly database: Database;
  readonly storage: Storage;
  readonly limits: StorageLimits;
  readonly signer: UrlSigner;
  readonly maxBytes: number;
  readonly log: Log;
}

const LIFE_MS = 3600 * 1000;
/** For what is on its way when its URL expires. */
const LATE_SECONDS = 600;
/** Of a user, open at the same time. */
const MAX_OPEN = 1_000;
const MAX_COLLECTED = 500;

const countOpen = 'SELECT count(*)::int AS open FROM upload WHERE user_id = $1';
const insertUpload = `
  INSERT INTO upload (id, user_id, storage_key, mime_type, size_bytes, sha256, expires_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING`;

/** Inserts the row if its user may have one more. */
async function open(tx: Transaction, upload: Upload, limits: StorageLimits): Promise<void> {
  const { id, userId, storageKey, mimeType, sizeBytes, sha256, expiresAt } = upload;
  const [stored, counted, known] = await Promise.all([
    lockStored(tx, [userId]),
    tx.query<{ open: number }>(countOpen, [userId]),
    tx.query('SELECT FROM upload WHERE id = $1', [id]),
  ]);
  // By a commit of which nobody knew.
  if (known.length > 0) return;
  const [error] = refuseOverQuota(stored, limits, [{ id, userId, sizeBytes, overQuota: false }]).values();
  if (error) throw error;
  if ((counted[0]?.open ?? 0) >= MAX_OPEN) {
    const message = `no more than ${MAX_OPEN} uploads may be open; send the bytes of some, or wait until they expire`;
    throw new QuotaExceededError(message, MAX_OPEN);
  }
  await tx.query(insertUpload, [id, userId, storageKey, mimeType, sizeBytes, sha256, expiresAt]);
}

export function createUploads(options: UploadsOptions): Uploads {
  const { database, storage, limits, signer, maxBytes, log } = options;
  const { lanes, prisma } = database;
  const { direct } = storage;

  const arrivals = createArrivals({ database, storage, log });

  /** What is left of an upload that never came. */
  async function discard({ id, storageKey }: Upload): Promise<number> {
    const { count } = await prisma.upload.deleteMany({ where: { id } });
    if (storageKey !== null) await storage.remove(storageKey);
    return count;
  }

  return {
    async create(userId, request) {
      const { mimeType, sizeBytes, sha256 } = checkRequest(request, maxBytes);
      const artifactId = newId();
      const expiresAt = new Date(database.clock.now().getTime() + LIFE_MS);
      const storageKey = direct?.awaitedKey() ?? null;
      const upload = { id: artifactId, userId, storageKey, mimeType, sizeBytes, sha256, expiresAt };
      await untilCertain(() => lanes.transact((tx) => open(tx, upload, limits)));
      if (direct && storageKey !== null) {
        const wanted = { mimeType, sizeBytes, sha256, expiresInSeconds: LIFE_MS / 1000 };
        return { artifactId, expiresAt, ...(await direct.uploadUrl(storageKey, wanted)) };
      }
      const url = signer.signUpload({ artifactId, sizeBytes, mimeType }, expiresAt);
      return { artifactId, expiresAt, url, headers: { 'content-type': mimeType } };
    },
    async receive(id, bytes) {
      const upload = await prisma.upload.findUnique({ where: { id } });
      const known = upload ? null : await prisma.artifact.findUnique({ where: { id } });
      if (known) return known;
      const gone = () =>
        new NotFoundError('nothing is awaited here any more; ask createUpload for a new URL');
      if (!upload) throw gone();
      const { sizeBytes } = upload;
      const tapped = tap({ stream: bytes }, { maxBytes: sizeBytes, headBytes: HEAD_BYTES, field: '' });
      const file = await storage.put(tapped.chunks);
      const artifact = await arrivals.accept(upload, file, tapped.head());
      if (!artifact) throw gone();
      return artifact;
    },
    async finish(ids, userId) {
      const whose = userId === undefined ? {} : { userId };
      const uploads = await prisma.upload.findMany({ where: { id: { in: [...ids] }, ...whose } });
      const problems = await Promise.all(
        uploads.map(async (upload) => [upload.id, await arrivals.finish(upload)] as const),
      );
      return new Map(problems.flatMap(([id, problem]) => (problem === null ? [] : [[id, problem] as const])));
    },
    async collect(signal) {
      const { rows } = await database.pool.query<{ id: string }>(
        'SELECT id FROM upload WHERE expires_at < now() - make_interval(secs => $1) ORDER BY expires_at LIMIT $2',
        [LATE_SECONDS, MAX_COLLECTED],
      );
      const expired = await prisma.upload.findMany({ where: { id: { in: rows.map(({ id }) => id) } } });
      let gone = 0;
      for (const upload of expired) {
        if (signal?.aborted) break;
        try {
          if ((await arrivals.finish(upload)) !== null) gone += await discard(upload);
        } catch (error) {
          // It comes round again; the others need not wait for it.
          log.warn({ err: error, artifactId: upload.id }, 'an upload that has expired could not be ended');
        }
      }
      return gone;
    },
  };
}
