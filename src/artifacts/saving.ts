import { type Artifact, UncertainCommitError } from '../database/index.ts';
import { InvalidInputError } from '../errors.ts';
import { newId } from '../ids.ts';
import type { Log } from '../log.ts';
import { HEAD_BYTES, type Inspection, inspect } from './media-type.ts';
import { assertPcmFormat, type PcmFormat, pcmDuration, pcmMimeType } from './pcm.ts';
import type { ArtifactRows } from './rows.ts';
import { type Source, tap } from './source.ts';
import type { Storage, Stored } from './storage.ts';

interface Owned {
  readonly userId: string;
  /** The field of the input that the file came in, for messages. */
  readonly field?: string;
  /** What was made for the user is kept whatever he has stored already; and counts. */
  readonly overQuota?: boolean;
}

/** Stores files that come through this server. */
export interface Saving {
  /**
   * Stores a file, durably once it resolves. Its type is found in its bytes; `mimeType` counts only for
   * formats that have no mark of their own, such as plain text.
   * @throws InvalidInputError where it is empty or larger than the limit, QuotaExceededError
   */
  save(file: Source & Owned & { readonly mimeType?: string }): Promise<Artifact>;
  /** Stores raw samples as they are. @throws InvalidInputError naming sampleRate, channels or data; QuotaExceededError */
  savePcm(file: Source & Owned & PcmFormat): Promise<Artifact>;
}

export interface SavingOptions {
  readonly storage: Storage;
  readonly rows: ArtifactRows;
  readonly maxBytes: number;
  readonly log: Log;
}

export function createSaving({ storage, rows, maxBytes, log }: SavingOptions): Saving {
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
  };
}
