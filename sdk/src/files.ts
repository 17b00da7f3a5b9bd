import { aborting, type CallOptions } from './calls.ts';
import { SwitchyardError, unwrap } from './errors.ts';
import { CreateUploadDocument } from './generated/operations.ts';
import { networkError, type Send } from './http.ts';
import { withRetries } from './retry.ts';

export interface UploadOptions extends CallOptions {
  /** Hexadecimal: other bytes are refused. */
  readonly sha256?: string;
}

export interface Files {
  /** The bytes of an artifact, as a response to read or to stream. */
  download(artifact: { readonly url: string }, options?: CallOptions): Promise<Response>;
  /** Sends a file by itself, past GraphQL. Answers the id that `artifactId` takes in any `MediaSource`. */
  upload(file: Blob, options?: UploadOptions): Promise<string>;
}

interface FilesOptions {
  readonly send: Send;
  readonly fetch: typeof fetch;
  readonly retries: number;
}

/** @throws SwitchyardError */
async function ask(fetchWith: typeof fetch, url: string, request: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetchWith(url, request);
  } catch (error) {
    request.signal?.throwIfAborted();
    throw networkError(error);
  }
  if (response.ok) return response;
  const what = request.method === 'PUT' ? 'the file was not taken' : 'the file cannot be had';
  await response.body?.cancel();
  throw new SwitchyardError(`${what}: HTTP ${response.status}`, {
    code: response.status === 404 ? 'NOT_FOUND' : response.status === 403 ? 'FORBIDDEN' : 'BAD_ANSWER',
    transient: response.status >= 500 || response.status === 429,
  });
}

export function createFiles({ send, fetch: fetchWith, retries }: FilesOptions): Files {
  return {
    download: ({ url }, { signal } = {}) =>
      withRetries(() => ask(fetchWith, url, aborting(signal)), { retries, signal }),
    async upload(file, { signal, sha256 } = {}) {
      const mimeType = file.type === '' ? 'application/octet-stream' : file.type;
      const input = { mimeType, sizeBytes: file.size, ...(sha256 === undefined ? {} : { sha256 }) };
      const { createUpload } = await send(CreateUploadDocument, { input }, signal);
      const { artifactId, url, headers } = unwrap(createUpload);
      const named = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]);
      const request = { method: 'PUT', headers: named, body: file, ...aborting(signal) };
      const taken = await withRetries(() => ask(fetchWith, url, request), { retries, signal });
      await taken.body?.cancel();
      return artifactId;
    },
  };
}
