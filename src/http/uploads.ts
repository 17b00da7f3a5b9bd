import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Artifacts } from '../artifacts/index.ts';
import { InvalidInputError, NotFoundError } from '../errors.ts';
import { encodeId } from '../ids.ts';
import type { Log } from '../log.ts';
import { refuse, safety } from './refuse.ts';

/** What a page of another origin may do: the signature is all that is asked for. */
const allowed = {
  'access-control-allow-methods': 'GET, HEAD, PUT',
  'access-control-allow-headers': 'content-type, range',
  'access-control-max-age': '86400',
};

interface Announced {
  readonly artifactId: string;
  readonly sizeBytes: number;
  readonly mimeType: string;
}

const essence = (mimeType: string): string => mimeType.toLowerCase().replaceAll(' ', '');

/** What is wrong with the request, before a byte of its body is read. */
function problemOf(
  { headers }: IncomingMessage,
  { sizeBytes, mimeType }: Announced,
): { status: number; message: string } | null {
  const length = headers['content-length'];
  if (length === undefined)
    return { status: 411, message: 'send Content-Length: the URL is for a file of known size' };
  if (Number(length) !== sizeBytes) {
    return { status: 400, message: `this URL is for ${sizeBytes} bytes, not ${length}` };
  }
  const type = headers['content-type'] ?? '';
  if (essence(type) === essence(mimeType)) return null;
  return {
    status: 415,
    message: `this URL is for Content-Type: ${mimeType}, not ${type === '' ? 'none' : type}`,
  };
}

/**
 * Takes files that are sent with `PUT` to signed URLs, and answers what browsers ask before.
 * @returns false for every other method, which is left alone
 */
export function createReceiveUpload({ artifacts, log }: { artifacts: Artifacts; log: Log }) {
  function admit(request: IncomingMessage, response: ServerResponse): Announced | null {
    const verified = artifacts.verifyUpload(new URL(request.url ?? '', 'http://host'));
    if (verified === null) {
      refuse(response, 404, 'there is no such upload');
      return null;
    }
    if (verified.state !== 'valid') {
      const what =
        verified.state === 'expired' ? 'has expired' : 'is not signed by this server for an upload';
      refuse(response, 403, `this URL ${what}; ask createUpload for a new one`);
      return null;
    }
    const problem = problemOf(request, verified);
    if (problem) refuse(response, problem.status, problem.message);
    return problem ? null : verified;
  }

  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const announced = admit(request, response);
    if (announced === null) return;
    try {
      const { id, sha256 } = await artifacts.receiveUpload(announced.artifactId, request);
      const text = `stored as ${encodeId('Artifact', id)}\n`;
      response.writeHead(200, {
        ...safety,
        'content-type': 'text/plain; charset=utf-8',
        'content-length': Buffer.byteLength(text),
        'cache-control': 'no-store',
        etag: `"${sha256}"`,
      });
      response.end(text);
    } catch (error) {
      if (error instanceof InvalidInputError) refuse(response, 400, error.message);
      else if (error instanceof NotFoundError) refuse(response, 404, error.message);
      else if (request.readableAborted || request.errored) {
        log.debug(
          { artifactId: announced.artifactId },
          'the client went away before it had sent the whole file',
        );
      } else throw error;
    }
  }

  return async function receiveUpload(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    if (request.method === 'OPTIONS') {
      response.writeHead(204, { ...safety, ...allowed }).end();
      return true;
    }
    if (request.method !== 'PUT') return false;
    await receive(request, response);
    return true;
  };
}
