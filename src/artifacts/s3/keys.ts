import { randomId } from '../../ids.ts';
import { fileKey } from '../file-key.ts';

/** Where files are that somebody else was given a URL to write. */
const AWAITED = 'uploads';
const UNFINISHED = 'unfinished';
const filePattern = /^(?:[0-9a-f]{2}|uploads)\/[0-9a-f-]{36}$/;

/** The parts of a file that were never put together: an upload of the store's own. */
export interface UnfinishedKey {
  readonly uploadId: string;
  readonly file: string;
}

/** Of a file that this server writes. */
export const newFileKey = (): string => fileKey(randomId());

/** Of a file that somebody else is to write. */
export const newAwaitedKey = (): string => `${AWAITED}/${randomId()}`;

/** Whether such a key is one of ours: a bucket may hold what others put there. */
export const isFileKey = (key: string): boolean => filePattern.test(key);

/** What an upload of the store's own is listed and removed by. */
export function unfinishedKey({ uploadId, file }: UnfinishedKey): string {
  return `${UNFINISHED}/${Buffer.from(uploadId).toString('base64url')}/${file}`;
}

/** Null for the key of a file. */
export function parseUnfinished(key: string): UnfinishedKey | null {
  const [, encoded, file] = /^unfinished\/([\w-]+)\/(.+)$/.exec(key) ?? [];
  if (encoded === undefined || file === undefined || !isFileKey(file)) return null;
  return { uploadId: Buffer.from(encoded, 'base64url').toString(), file };
}
