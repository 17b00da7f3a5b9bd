import { CopyObjectCommand, GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import type { DirectAccess } from '../storage.ts';
import { isAbsent, objectOf, type S3Location } from './bucket.ts';
import { newAwaitedKey, newFileKey } from './keys.ts';

const HOUR_SECONDS = 3600;
/** From the beginning of the hour: a URL is good for a day at least. */
const LIFE_SECONDS = 25 * HOUR_SECONDS;

/** Signed as if at the beginning of the hour, so that a file's URL stays the same until the next. */
function beginOfHour(): Date {
  const hourMs = HOUR_SECONDS * 1000;
  return new Date(Math.floor(Date.now() / hourMs) * hourMs);
}

/**
 * @param client as this server reaches the store
 * @param publicClient as others reach it
 */
export function createDirectAccess(
  location: S3Location,
  client: S3Client,
  publicClient: S3Client,
): DirectAccess {
  return {
    downloadUrl(key, { contentType, disposition }) {
      const command = new GetObjectCommand({
        ...objectOf(location, key),
        ResponseContentType: contentType,
        ResponseContentDisposition: disposition,
        ResponseCacheControl: `private, max-age=${LIFE_SECONDS - HOUR_SECONDS}, immutable`,
      });
      return getSignedUrl(publicClient, command, { expiresIn: LIFE_SECONDS, signingDate: beginOfHour() });
    },
    awaitedKey: newAwaitedKey,
    async uploadUrl(key, { mimeType, sizeBytes, sha256, expiresInSeconds }) {
      const checksum = sha256 === null ? null : Buffer.from(sha256, 'hex').toString('base64');
      const command = new PutObjectCommand({
        ...objectOf(location, key),
        ContentType: mimeType,
        ContentLength: sizeBytes,
        ...(checksum === null ? {} : { ChecksumSHA256: checksum }),
      });
      const url = await getSignedUrl(publicClient, command, {
        expiresIn: expiresInSeconds,
        signableHeaders: new Set(['host', 'content-type', 'content-length']),
        // As a header it is signed too, and the store compares the bytes with it.
        unhoistableHeaders: new Set(['x-amz-checksum-sha256']),
      });
      return {
        url,
        headers: {
          'content-type': mimeType,
          ...(checksum === null ? {} : { 'x-amz-checksum-sha256': checksum }),
        },
      };
    },
    async take(key) {
      const source = objectOf(location, key);
      const taken = newFileKey();
      try {
        await client.send(
          new CopyObjectCommand({
            ...objectOf(location, taken),
            CopySource: encodeURI(`${source.Bucket}/${source.Key}`),
          }),
        );
        return taken;
      } catch (error) {
        if (isAbsent(error)) return null;
        throw error;
      }
    },
  };
}
