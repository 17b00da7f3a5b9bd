import {
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { StoredFile } from '../storage.ts';
import { isUnsupported, type S3Location } from './bucket.ts';
import { isFileKey, unfinishedKey } from './keys.ts';

interface Place {
  readonly KeyMarker?: string;
  readonly UploadIdMarker?: string;
}

type Page = Pick<
  ListMultipartUploadsCommandOutput,
  'Uploads' | 'IsTruncated' | 'NextKeyMarker' | 'NextUploadIdMarker'
>;

async function readPage(client: S3Client, { bucket, prefix }: S3Location, after: Place): Promise<Page> {
  try {
    return await client.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix, ...after }));
  } catch (error) {
    if (isUnsupported(error)) return {};
    throw error;
  }
}

function placeAfter({ IsTruncated, NextKeyMarker, NextUploadIdMarker }: Page): Place | null {
  if (!IsTruncated || NextKeyMarker === undefined) return null;
  return {
    KeyMarker: NextKeyMarker,
    ...(NextUploadIdMarker === undefined ? {} : { UploadIdMarker: NextUploadIdMarker }),
  };
}

/** Files whose parts were never put together. None where the store can't tell. */
export async function* listUnfinished(client: S3Client, location: S3Location): AsyncGenerator<StoredFile> {
  for (let place: Place | null = {}; place; ) {
    const page: Page = await readPage(client, location, place);
    for (const { Key = '', UploadId, Initiated } of page.Uploads ?? []) {
      const file = Key.slice(location.prefix.length);
      if (!isFileKey(file) || UploadId === undefined || !Initiated) continue;
      yield { key: unfinishedKey({ uploadId: UploadId, file }), modifiedAt: Initiated };
    }
    place = placeAfter(page);
  }
}
