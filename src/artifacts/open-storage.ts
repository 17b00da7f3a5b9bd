import { createLocalStorage } from './local-storage.ts';
import type { S3Location } from './s3/index.ts';
import type { Storage } from './storage.ts';

/** Where the configuration says that files are. */
export type StorageLocation =
  | { readonly type: 'folder'; readonly folder: string }
  | ({ readonly type: 's3' } & S3Location);

/** What people call it: the folder, or the bucket's URL. */
export function nameOf(location: StorageLocation): string {
  return location.type === 'folder' ? location.folder : `s3://${location.bucket}/${location.prefix}`;
}

/** Does not look whether anything is there. The client of S3 is loaded only where it is needed. */
export async function openStorage(location: StorageLocation): Promise<Storage> {
  if (location.type === 'folder') return createLocalStorage(location.folder);
  const { createS3Storage } = await import('./s3/index.ts');
  return createS3Storage(location);
}
