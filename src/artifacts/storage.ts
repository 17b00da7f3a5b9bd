import type { Readable } from 'node:stream';

/** Where the bytes of artifacts are: a local folder, or an object store. Keys are the storage's own. */
export interface Storage {
  /**
   * Stores all of the source or nothing, durably once it resolves.
   * @throws what the source throws; nothing is left behind then
   */
  put(source: AsyncIterable<Uint8Array>): Promise<Stored>;
  /** @throws MissingFileError */
  read(key: string, range?: ByteRange): Promise<Readable>;
  /** A blob that reads when it is read. @throws MissingFileError */
  blob(key: string, mimeType: string): Promise<Blob>;
  /** Does nothing where there is no such file. */
  remove(key: string): Promise<void>;
  /** Every file, those that were never finished included. */
  list(): AsyncIterable<StoredFile>;
}

export interface Stored {
  readonly key: string;
  readonly size: number;
  /** Hexadecimal, lower case. */
  readonly sha256: string;
}

export interface StoredFile {
  readonly key: string;
  readonly modifiedAt: Date;
}

/** Both ends included, counted from 0. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export class MissingFileError extends Error {
  override readonly name = 'MissingFileError';

  constructor(key: string, options?: ErrorOptions) {
    super(`the storage has no file ${key}`, options);
  }
}
