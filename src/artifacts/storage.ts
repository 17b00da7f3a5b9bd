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
  /** The whole file, for a request's body. @throws MissingFileError */
  blob(key: string, mimeType: string): Promise<Blob>;
  /** Does nothing where there is no such file. */
  remove(key: string): Promise<void>;
  /** Every file, those that were never finished included. */
  list(): AsyncIterable<StoredFile>;
  /** What the storage lets others do without this server; null where it can't. */
  readonly direct: DirectAccess | null;
  close(): void;
}

/** URLs with which others read and write files in an object store, for as long as its signature says. */
export interface DirectAccess {
  /** The same for the same file for a while, so that caches can keep it. */
  downloadUrl(key: string, shownAs: ShownAs): Promise<string>;
  /** A key for a file that somebody else will write. */
  awaitedKey(): string;
  /** What the file may be written with: nothing but this many bytes, of this type. */
  uploadUrl(key: string, wanted: WantedFile): Promise<SignedRequest>;
  /**
   * Copies what was written to an awaited key to where no URL reaches it any more.
   * @returns its new key; null where nothing has been written yet
   */
  take(key: string): Promise<string | null>;
}

/** What a download says of the file. */
export interface ShownAs {
  readonly contentType: string;
  readonly disposition: string;
}

export interface WantedFile {
  readonly mimeType: string;
  readonly sizeBytes: number;
  /** Hexadecimal, lower case; null where it is not known. */
  readonly sha256: string | null;
  readonly expiresInSeconds: number;
}

/** What a `PUT` has to be sent with. */
export interface SignedRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
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
