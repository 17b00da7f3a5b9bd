import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { type Artifacts, MissingFileError, shownAs } from '../artifacts/index.ts';
import type { Artifact } from '../database/index.ts';
import type { Log } from '../log.ts';
import { rangeOf } from './range.ts';
import { refuse, safety } from './refuse.ts';
import { createReceiveUpload } from './uploads.ts';

/**
 * Answers requests for `/artifacts/…`: whoever has a signed URL gets the file, whole or in part, or may send it.
 * @returns false for every other path, which is left alone
 */
export type ServeArtifact = (request: IncomingMessage, response: ServerResponse) => Promise<boolean>;

function describe(artifact: Artifact, expiresAt: Date): OutgoingHttpHeaders {
  const { contentType, disposition } = shownAs(artifact);
  const seconds = Math.max(0, Math.floor((expiresAt.getTime() - Date.now()) / 1000));
  return {
    ...safety,
    'content-type': contentType,
    'content-disposition': disposition,
    'accept-ranges': 'bytes',
    etag: etagOf(artifact),
    'last-modified': artifact.createdAt.toUTCString(),
    'cache-control': `private, max-age=${seconds}, immutable`,
  };
}

const isPrematureClose = (error: unknown) =>
  error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE';

const etagOf = ({ sha256 }: Artifact) => `"${sha256}"`;

function isUnchanged(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  const tags = ifNoneMatch.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes(etag) || tags.includes('*');
}

/** The header, where it counts and is about this very file. */
function wantedRange({ method, headers }: IncomingMessage, etag: string): string | undefined {
  if (method !== 'GET') return undefined;
  const condition = headers['if-range'];
  return condition === undefined || condition === etag ? headers.range : undefined;
}

export function createServeArtifact({ artifacts, log }: { artifacts: Artifacts; log: Log }): ServeArtifact {
  /** What the URL is good for; null where the request has been refused. */
  async function admit(request: IncomingMessage, response: ServerResponse) {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      refuse(response, 405, 'only GET, HEAD and PUT are allowed here', { allow: 'GET, HEAD, PUT' });
      return null;
    }
    const verified = artifacts.verify(new URL(request.url ?? '', 'http://host'));
    if (verified === null) {
      refuse(response, 404, 'there is no such artifact');
      return null;
    }
    if (verified.state !== 'valid') {
      const what = verified.state === 'expired' ? 'has expired' : 'is not signed by this server';
      refuse(response, 403, `this URL ${what}; ask the API for a new one`);
      return null;
    }
    const [artifact] = await artifacts.find([verified.artifactId]);
    if (!artifact) refuse(response, 404, 'this artifact does not exist any more');
    return artifact ? { artifact, expiresAt: verified.expiresAt } : null;
  }

  async function send(
    request: IncomingMessage,
    response: ServerResponse,
    artifact: Artifact,
    expiresAt: Date,
  ) {
    const headers = describe(artifact, expiresAt);
    const etag = etagOf(artifact);
    if (isUnchanged(request.headers['if-none-match'], etag)) {
      response.writeHead(304, headers).end();
      return;
    }
    const { sizeBytes } = artifact;
    const range = rangeOf(wantedRange(request, etag), sizeBytes);
    if (range === 'unsatisfiable') {
      refuse(response, 416, 'the range is outside of the file', { 'content-range': `bytes */${sizeBytes}` });
      return;
    }
    const part = range ?? { start: 0, end: sizeBytes - 1 };
    const body = request.method === 'HEAD' ? null : await artifacts.read(artifact, part);
    response.writeHead(range ? 206 : 200, {
      ...headers,
      'content-length': part.end - part.start + 1,
      ...(range ? { 'content-range': `bytes ${range.start}-${range.end}/${sizeBytes}` } : {}),
    });
    if (body === null) response.end();
    else await pipeline(body, response);
  }

  const receiveUpload = createReceiveUpload({ artifacts, log });

  return async (request, response) => {
    if (!/^\/artifacts\//.test(request.url ?? '')) return false;
    if (await receiveUpload(request, response)) return true;
    // What this server makes is asked for with no body; one that is sent is not read.
    request.resume();
    const admitted = await admit(request, response);
    if (admitted === null) return true;
    const { artifact, expiresAt } = admitted;
    try {
      await send(request, response, artifact, expiresAt);
    } catch (error) {
      if (error instanceof MissingFileError) {
        log.error({ err: error, artifactId: artifact.id }, 'the file of an artifact is missing');
        refuse(response, 404, 'this artifact does not exist any more');
      } else if (isPrematureClose(error)) {
        log.debug({ artifactId: artifact.id }, 'the client went away before it had the whole artifact');
      } else {
        throw error;
      }
    }
    return true;
  };
}
