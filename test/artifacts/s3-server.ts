import { request as send } from 'node:http';
import { startFauxqs } from 'fauxqs';
import type { StorageLocation } from '../../src/artifacts/index.ts';
import { serve } from './http-support.ts';

const BUCKET = 'switchyard';

export interface TestS3 extends AsyncDisposable {
  /** Variables for a whole app. */
  readonly variables: Readonly<Record<string, string>>;
  /** A folder of its own in the one bucket. */
  location(prefix: string): Extract<StorageLocation, { type: 's3' }>;
}

/** An S3 server in this process. It checks no signatures: what is sent to it is for us to check. */
export async function startTestS3(port = 0): Promise<TestS3> {
  const server = await startFauxqs({
    host: '127.0.0.1',
    port,
    logger: false,
    init: { buckets: [BUCKET] },
  });
  const endpoint = `http://127.0.0.1:${server.port}`;
  const credentials = { accessKeyId: 'switchyard', secretAccessKey: 'a secret key' };
  return {
    variables: {
      STORAGE_URL: `s3://${BUCKET}/artifacts`,
      S3_ENDPOINT: endpoint,
      S3_ACCESS_KEY_ID: credentials.accessKeyId,
      S3_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    },
    location: (prefix) => ({
      ...{ type: 's3', bucket: BUCKET, prefix, endpoint, publicEndpoint: null },
      ...{ region: 'us-east-1', pathStyle: true, credentials },
    }),
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

/** Stands before such a server, and has it list no more than so many files at once. */
export async function startPager(endpoint: string, size: number): Promise<{ url: string } & AsyncDisposable> {
  return serve((request, response) => {
    const { method, headers, url = '/' } = request;
    const wanted = new URL(url, endpoint);
    if (wanted.searchParams.has('list-type')) wanted.searchParams.set('max-keys', String(size));
    const asked = send(wanted, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    asked.on('error', (error) => response.destroy(error));
    request.pipe(asked);
  });
}
