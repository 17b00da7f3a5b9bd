import { S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { MissingFileError } from '../storage.ts';
import { isFileKey } from './keys.ts';

/** Where a bucket is, and how it is spoken to. */
export interface S3Location {
  readonly bucket: string;
  /** Of all keys: empty, or ending in a slash. */
  readonly prefix: string;
  /** Null: Amazon's, of the region. */
  readonly endpoint: string | null;
  /** Where others than this server reach the same store; null: at the endpoint. */
  readonly publicEndpoint: string | null;
  /** Null: as the environment of Amazon's own tools has it. */
  readonly region: string | null;
  /** The bucket in the path of URLs, and not in the name of the host. */
  readonly pathStyle: boolean;
  /** Null: as Amazon's own tools find them, such as the role of the machine. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | null;
}

const CONNECT_TIMEOUT_MS = 5_000;
/** Without a byte. */
const IDLE_TIMEOUT_MS = 30_000;
const MAX_SOCKETS = 256;

/** Does not connect yet. */
export function openClient(location: S3Location, endpoint: string | null): S3Client {
  const { region, pathStyle, credentials } = location;
  return new S3Client({
    forcePathStyle: pathStyle,
    // Not every store knows the checksums that Amazon's client adds by default; artifacts have their own.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: IDLE_TIMEOUT_MS,
      httpAgent: { maxSockets: MAX_SOCKETS },
      httpsAgent: { maxSockets: MAX_SOCKETS },
    },
    ...(endpoint === null ? {} : { endpoint }),
    ...(region === null ? {} : { region }),
    ...(credentials === null ? {} : { credentials: { ...credentials } }),
  });
}

/** How the bucket names a file. @throws Error where the key is not one of this storage */
export function objectOf({ bucket, prefix }: S3Location, key: string): { Bucket: string; Key: string } {
  if (!isFileKey(key)) throw new Error(`not a key of this storage: ${key}`);
  return { Bucket: bucket, Key: `${prefix}${key}` };
}

const absent = new Set(['NoSuchKey', 'NotFound', 'NoSuchUpload']);

/** Whether the store says that there is no such file, or unfinished one. */
export function isAbsent(error: unknown): boolean {
  return error instanceof S3ServiceException && absent.has(error.name);
}

const unknownOperation = new Set([405, 501]);

/** Whether the store has no such operation. */
export function isUnsupported(error: unknown): boolean {
  return error instanceof S3ServiceException && unknownOperation.has(error.$metadata.httpStatusCode ?? 0);
}

/** @throws MissingFileError in place of the store's own */
export async function orMissing<T>(key: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw isAbsent(error) ? new MissingFileError(key, { cause: error }) : error;
  }
}
