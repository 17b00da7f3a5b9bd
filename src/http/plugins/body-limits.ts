import { GraphQLError } from 'graphql';
import type { FetchAPI, Plugin } from 'graphql-yoga';
import type { ServerContext } from '../server-context.ts';

/** Of everything but multipart, and of what a stranger may send. */
const MAX_BYTES = 1024 * 1024;
const MAX_FILES = 8;
const MAX_FIELDS = 8;
/** Of the largest size; more of smaller ones. */
const UPLOADS_AT_ONCE = 4;

/** The one of Yoga, which lets its form parser be bounded. */
interface BoundedForm {
  formData(options: { formDataLimits: Readonly<Record<string, number>> }): Promise<unknown>;
}

function tooLarge(limit: number, what: string): GraphQLError {
  return new GraphQLError(`the request is larger than the limit: ${what}`, {
    extensions: { code: 'PAYLOAD_TOO_LARGE', limit, http: { status: 413 } },
  });
}

function unreadable({ message }: Error): GraphQLError {
  return new GraphQLError(`the multipart body cannot be read: ${message}`, {
    extensions: { code: 'BAD_USER_INPUT', http: { status: 400 } },
  });
}

const inWords = (bytes: number): string => `${bytes.toLocaleString('en')} bytes`;

function isMultipart(request: Request): boolean {
  return request.headers.get('content-type')?.toLowerCase().startsWith('multipart/form-data') ?? false;
}

/** The same request with a body that fails once it is longer than that. */
function bounded(request: Request, limit: number, { Request, TransformStream }: FetchAPI): Request {
  if (request.body === null) return request;
  let bytes = 0;
  const counted = request.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        bytes += chunk.byteLength;
        if (bytes > limit) controller.error(tooLarge(limit, inWords(limit)));
        else controller.enqueue(chunk);
      },
    }),
  );
  const { url, method, headers, signal } = request;
  const init = { method, headers, signal, body: counted, duplex: 'half' };
  return new Request(url, init);
}

/** Reads the form within bounds; the parser of multipart requests finds it read. */
async function readForm(request: Request, limit: number): Promise<void> {
  const formDataLimits = { fileSize: limit, fieldSize: MAX_BYTES, files: MAX_FILES, fields: MAX_FIELDS };
  try {
    await (request as unknown as BoundedForm).formData({ formDataLimits });
  } catch (error) {
    if (error instanceof GraphQLError || !(error instanceof Error)) throw error;
    const [what] = /^.* (?:limit |size )?exceeded: .*/i.exec(error.message) ?? [];
    throw what === undefined ? unreadable(error) : tooLarge(limit, what);
  }
}

/** Memory that uploads share: each is in it as a whole until it has been stored. */
function createBudget(total: number): (bytes: number, until: AbortSignal) => void {
  let held = 0;
  return (bytes, until) => {
    if (held + bytes > total) {
      const message = 'too many uploads are being received just now; try again in a moment';
      const http = { status: 503, headers: { 'retry-after': '1' } };
      throw new GraphQLError(message, { extensions: { code: 'SERVICE_UNAVAILABLE', http } });
    }
    held += bytes;
    until.addEventListener('abort', () => (held -= bytes), { once: true });
  };
}

/** Bounds what a request may send, by its stated length where it has one, and counted where it has none. */
export function useBodyLimits(maxUploadBytes: number): Plugin<object, ServerContext> {
  const hold = createBudget(UPLOADS_AT_ONCE * (maxUploadBytes + MAX_BYTES));
  return {
    onRequestParse({ request, requestParser, setRequestParser, fetchAPI, serverContext }) {
      const multipart = isMultipart(request);
      const limit = multipart && serverContext.viewer !== null ? maxUploadBytes + MAX_BYTES : MAX_BYTES;
      const length = request.headers.get('content-length');
      if (length !== null && Number(length) > limit) throw tooLarge(limit, inWords(limit));
      if (multipart) hold(length === null ? limit : Number(length), serverContext.closed);
      if (requestParser === undefined || (length !== null && !multipart)) return;
      setRequestParser(async (whole) => {
        const body = length === null ? bounded(whole, limit, fetchAPI) : whole;
        if (multipart) await readForm(body, maxUploadBytes);
        return requestParser(body);
      });
    },
  };
}
