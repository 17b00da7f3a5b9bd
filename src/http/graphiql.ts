import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

interface Page {
  readonly etag: string;
  readonly br: Buffer;
  readonly gzip: Buffer;
  readonly html: Buffer;
}

/** Answers a browser that opens the endpoint. @returns false for every other request, which is left alone */
export type ServeGraphiQL = (request: IncomingMessage, response: ServerResponse) => Promise<boolean>;

/** The page has everything in it: a browser that obeys this never asks another server. */
const policy = [
  "default-src 'none'",
  "script-src 'unsafe-inline' 'unsafe-eval' blob:",
  'worker-src blob:',
  "style-src 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self' ws: wss:",
  "frame-ancestors 'none'",
].join('; ');

const example = `# Send a token with your requests, in the headers below: {"Authorization": "Bearer …"}
query {
  me { username role }
  tasks(first: 5) { edges { node { id kind status progress } } }
}
`;

/** Nine megabytes of HTML, of which three are sent. */
async function makePage(): Promise<Page> {
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql');
  const html = Buffer.from(
    renderGraphiQL({ title: 'Switchyard', subscriptionsProtocol: 'WS', defaultQuery: example }),
  );
  const [br, gzipped] = await Promise.all([
    promisify(brotliCompress)(html, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }),
    promisify(gzip)(html),
  ]);
  const etag = `"${createHash('sha256').update(html).digest('base64url').slice(0, 22)}"`;
  return { etag, br, gzip: gzipped, html };
}

function isAsked({ method, headers }: IncomingMessage): boolean {
  if (method !== 'GET' && method !== 'HEAD') return false;
  return headers.accept?.includes('text/html') ?? false;
}

function encodingFor(accepted: string): 'br' | 'gzip' | 'html' {
  if (/\bbr\b/.test(accepted)) return 'br';
  return /\bgzip\b/.test(accepted) ? 'gzip' : 'html';
}

/** GraphiQL without the internet. The page is made when it is first asked for, and kept. */
export function createServeGraphiQL(): ServeGraphiQL {
  let page: Promise<Page> | null = null;

  return async (request, response) => {
    if (!isAsked(request)) return false;
    page ??= makePage();
    const { etag, ...bodies } = await page;
    const encoding = encodingFor(String(request.headers['accept-encoding'] ?? ''));
    response.setHeaders(
      new Map([
        ['content-type', 'text/html; charset=utf-8'],
        ['content-security-policy', policy],
        ['x-content-type-options', 'nosniff'],
        ['referrer-policy', 'no-referrer'],
        ['cache-control', 'no-cache'],
        ['vary', 'accept, accept-encoding'],
        ['etag', etag],
      ]),
    );
    if (request.headers['if-none-match'] === etag) {
      response.writeHead(304).end();
      return true;
    }
    const body = bodies[encoding];
    if (encoding !== 'html') response.setHeader('content-encoding', encoding);
    response.writeHead(200, { 'content-length': body.byteLength });
    response.end(request.method === 'HEAD' ? undefined : body);
    return true;
  };
}
