import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { StorageLocation } from './artifacts/index.ts';

/** What the configuration says of storage; see `.env.example`. */
export interface StorageVariables {
  readonly STORAGE_URL?: string | undefined;
  readonly S3_ENDPOINT?: string | undefined;
  readonly S3_PUBLIC_ENDPOINT?: string | undefined;
  readonly S3_REGION?: string | undefined;
  readonly S3_PATH_STYLE?: boolean | undefined;
  readonly S3_ACCESS_KEY_ID?: string | undefined;
  readonly S3_SECRET_ACCESS_KEY?: string | undefined;
}

/** A bucket's name, and a prefix of keys: `s3://bucket`, `s3://bucket/some/prefix`. */
const s3Url = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/([\w./ -]*))?$/;

/** What stores that are not Amazon's take, whatever it is. */
const ANY_REGION = 'us-east-1';

/** Whether it says where files are: in a folder, or in a bucket. */
export const isStorageUrl = (url: string): boolean => url.startsWith('file:') || s3Url.test(url);

/** `file:relative`, `file:/absolute` and `file:///absolute` alike. */
function fileUrlPath(url: string): string {
  return url.startsWith('file://') ? fileURLToPath(url) : path.resolve(url.slice('file:'.length));
}

function s3Location(variables: StorageVariables, bucket: string, prefix: string): StorageLocation {
  const { S3_ENDPOINT: endpoint, S3_ACCESS_KEY_ID: accessKeyId } = variables;
  const { S3_SECRET_ACCESS_KEY: secretAccessKey } = variables;
  return {
    type: 's3',
    bucket,
    prefix: prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`,
    endpoint: endpoint ?? null,
    publicEndpoint: variables.S3_PUBLIC_ENDPOINT ?? null,
    region: variables.S3_REGION ?? (endpoint === undefined ? null : ANY_REGION),
    pathStyle: variables.S3_PATH_STYLE ?? endpoint !== undefined,
    credentials:
      accessKeyId === undefined || secretAccessKey === undefined ? null : { accessKeyId, secretAccessKey },
  };
}

/** Where files are; a folder of the data's, where nothing is said. */
export function storageLocation(variables: StorageVariables, dataDir: string): StorageLocation {
  const { STORAGE_URL: url } = variables;
  if (url === undefined) return { type: 'folder', folder: path.join(dataDir, 'artifacts') };
  const [, bucket, prefix = ''] = s3Url.exec(url) ?? [];
  return bucket === undefined
    ? { type: 'folder', folder: fileUrlPath(url) }
    : s3Location(variables, bucket, prefix);
}

/** What does not go together, one line each. */
export function storageProblems(variables: StorageVariables): string[] {
  const { S3_ACCESS_KEY_ID: id, S3_SECRET_ACCESS_KEY: secret } = variables;
  if ((id === undefined) === (secret === undefined)) return [];
  const missing = id === undefined ? 'S3_ACCESS_KEY_ID' : 'S3_SECRET_ACCESS_KEY';
  const given = id === undefined ? 'S3_SECRET_ACCESS_KEY' : 'S3_ACCESS_KEY_ID';
  return [`${missing}: needed with ${given}`];
}
