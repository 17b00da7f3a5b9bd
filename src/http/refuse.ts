import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';

/** For every answer under `/artifacts/`, refusals included. */
export const safety = {
  'x-content-type-options': 'nosniff',
  // The browsers' own viewers of pictures and sound need this much.
  'content-security-policy':
    "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox",
  // The signature is what lets somebody in: a page of any origin may read what it has a signed URL for.
  'cross-origin-resource-policy': 'cross-origin',
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'accept-ranges, content-disposition, content-range, etag',
  'referrer-policy': 'no-referrer',
};

/** Answers with a sentence, and nothing that may be kept. */
export function refuse(
  response: ServerResponse,
  status: number,
  message: string,
  headers: OutgoingHttpHeaders = {},
): void {
  const body = `${message}\n`;
  response.writeHead(status, {
    ...safety,
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...headers,
  });
  response.end(body);
}
