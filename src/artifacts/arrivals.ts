import { type Artifact, type Database, type Upload, untilCertain } from '../database/index.ts';
import { CallerError, InvalidInputError } from '../errors.ts';
import type { Log } from '../log.ts';
import { measure } from './measure.ts';
import { HEAD_BYTES } from './media-type.ts';
import { findArtifacts, insertArtifacts } from './rows.ts';
import { tap } from './source.ts';
import type { Storage, Stored } from './storage.ts';
import { checkArrived } from './upload-check.ts';

/** Makes artifacts of uploads whose bytes have arrived. */
export interface Arrivals {
  /**
   * Makes the artifact of a file that was stored for the upload; one that is not what was announced is removed.
   * @returns the artifact that there is then, whoever made it; null where nothing is awaited any more
   * @throws InvalidInputError that says what is wrong with the file
   */
  accept(upload: Upload, file: Stored, head: Uint8Array): Promise<Artifact | null>;
  /**
   * Takes what the object store has got for the upload: once at a time, however many ask for it.
   * @returns why it is no artifact yet; null where it is one, or nothing is awaited any more
   */
  finish(upload: Upload): Promise<string | null>;
}

export interface ArrivalsOptions {
  readonly database: Pick<Database, 'lanes'>;
  readonly storage: Storage;
  readonly log: Log;
}

const NOT_SENT = 'its bytes have not arrived yet: send them with PUT to the URL that createUpload answered';

const endUpload = 'DELETE FROM upload WHERE id = $1 RETURNING id';

export function createArrivals({ database: { lanes }, storage, log }: ArrivalsOptions): Arrivals {
  const { direct } = storage;
  const finishing = new Map<string, Promise<string | null>>();

  /** The upload's row becomes the artifact's; whoever comes second has his file taken away again. */
  async function replace(upload: Upload, file: Stored, head: Uint8Array): Promise<Artifact | null> {
    const { id, userId } = upload;
    const inspection = await checkArrived(upload, file, head);
    const { key: storageKey, size: sizeBytes, sha256 } = file;
    const [artifact] = await untilCertain(() =>
      lanes.transact(async (tx) => {
        const ended = await tx.query(endUpload, [id]);
        if (ended.length === 0) return findArtifacts(tx, [id]);
        return insertArtifacts(tx, [{ id, userId, storageKey, sizeBytes, sha256, ...inspection }]);
      }),
    );
    if (artifact?.storageKey !== storageKey) await storage.remove(storageKey);
    return artifact ?? null;
  }

  /** What was stored, but is not what it should be, goes; a failure of the database leaves it to the clean-up. */
  async function accept(upload: Upload, file: Stored, head: Uint8Array): Promise<Artifact | null> {
    try {
      return await replace(upload, file, head);
    } catch (error) {
      if (error instanceof CallerError) await storage.remove(file.key);
      throw error;
    }
  }

  /** Reads a file that the store has had all along. */
  async function readStored(key: string, { sizeBytes }: Upload): Promise<{ file: Stored; head: Uint8Array }> {
    const stream = await storage.read(key);
    const tapped = tap({ stream }, { maxBytes: sizeBytes, headBytes: HEAD_BYTES, field: '' });
    const meter = measure(tapped.chunks);
    try {
      for await (const _ of meter.chunks);
    } catch (error) {
      if (error instanceof CallerError) await storage.remove(key);
      throw error;
    }
    return { file: { key, ...meter.result() }, head: tapped.head() };
  }

  /** @returns why it is no artifact yet; null where it is one, or nothing is awaited any more */
  async function finishOne(upload: Upload): Promise<string | null> {
    const { storageKey } = upload;
    // Without a store that others can write to, the request that sends the bytes finishes it.
    const taken = storageKey === null ? null : await direct?.take(storageKey);
    if (storageKey === null || taken == null) return NOT_SENT;
    try {
      const { file, head } = await readStored(taken, upload);
      await accept(upload, file, head);
      await storage.remove(storageKey);
      return null;
    } catch (error) {
      if (!(error instanceof InvalidInputError)) throw error;
      // Until it expires, other bytes may be sent.
      await storage.remove(storageKey);
      log.info({ artifactId: upload.id, reason: error.message }, 'an upload was refused');
      return `what was sent is refused: ${error.message}`;
    }
  }

  function finish(upload: Upload): Promise<string | null> {
    const { id } = upload;
    const running = finishing.get(id) ?? finishOne(upload).finally(() => finishing.delete(id));
    finishing.set(id, running);
    return running;
  }

  return { accept, finish };
}
