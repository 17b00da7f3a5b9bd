import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  paginateListObjectsV2,
  type S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { measure } from '../measure.ts';
import type { ByteRange, Storage, StoredFile } from '../storage.ts';
import { isAbsent, objectOf, openClient, orMissing, type S3Location } from './bucket.ts';
import { createDirectAccess } from './direct.ts';
import { isFileKey, newFileKey, parseUnfinished } from './keys.ts';
import { listUnfinished } from './unfinished.ts';

export type { S3Location } from './bucket.ts';

/** What is larger goes in parts, of which so many are in memory and on their way at once. */
const PART_BYTES = 8 * 1024 * 1024;
const PARTS_AT_ONCE = 3;

/** Keeps what a source throws apart from what the store does. */
async function* watched(
  source: AsyncIterable<Uint8Array>,
  failed: (error: unknown) => void,
): AsyncGenerator<Uint8Array> {
  try {
    yield* source;
  } catch (error) {
    failed(error);
    throw error;
  }
}

async function readObject(client: S3Client, location: S3Location, key: string, range?: ByteRange) {
  const Range = range && `bytes=${range.start}-${range.end}`;
  const command = new GetObjectCommand({ ...objectOf(location, key), ...(Range ? { Range } : {}) });
  const { Body } = await orMissing(key, client.send(command));
  if (!(Body instanceof Readable)) throw new Error('the store answered without a body');
  return Body;
}

async function* listFiles(client: S3Client, { bucket, prefix }: S3Location): AsyncGenerator<StoredFile> {
  for await (const { Contents = [] } of paginateListObjectsV2(
    { client },
    { Bucket: bucket, Prefix: prefix },
  )) {
    for (const { Key = '', LastModified } of Contents) {
      const key = Key.slice(prefix.length);
      if (isFileKey(key) && LastModified) yield { key, modifiedAt: LastModified };
    }
  }
}

/** Files in a bucket of S3, or of anything that speaks as it does. */
export function createS3Storage(location: S3Location): Storage {
  const client = openClient(location, location.endpoint);
  const publicClient =
    location.publicEndpoint === null ? client : openClient(location, location.publicEndpoint);

  return {
    async put(source) {
      const key = newFileKey();
      let failure: { readonly error: unknown } | undefined;
      const meter = measure(watched(source, (error) => (failure = { error })));
      const upload = new Upload({
        client,
        params: { ...objectOf(location, key), Body: Readable.from(meter.chunks, { objectMode: false }) },
        partSize: PART_BYTES,
        queueSize: PARTS_AT_ONCE,
      });
      try {
        await upload.done();
      } catch (error) {
        throw failure ? failure.error : error;
      }
      return { key, ...meter.result() };
    },
    read: (key, range) => readObject(client, location, key, range),
    async blob(key, mimeType) {
      // In memory: a request's body needs its length, and may be sent more than once.
      const bytes = await buffer(await readObject(client, location, key));
      return new Blob([bytes], { type: mimeType });
    },
    async remove(key) {
      const unfinished = parseUnfinished(key);
      if (!unfinished) {
        await client.send(new DeleteObjectCommand(objectOf(location, key)));
        return;
      }
      const { file, uploadId } = unfinished;
      const command = new AbortMultipartUploadCommand({ ...objectOf(location, file), UploadId: uploadId });
      await client.send(command).catch((error: unknown) => {
        if (!isAbsent(error)) throw error;
      });
    },
    async *list() {
      yield* listFiles(client, location);
      yield* listUnfinished(client, location);
    },
    direct: createDirectAccess(location, client, publicClient),
    close() {
      client.destroy();
      publicClient.destroy();
    },
  };
}
