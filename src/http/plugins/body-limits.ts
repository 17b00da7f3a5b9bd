import { GraphQLError } from 'graphql';
import type { FetchAPI, Plugin } from 'graphql-yoga';
import type { ServerContext } from '../server-context.ts';

/** Of everything but multipart, and of what a stranger may send. */
const MAX_BYTES = 1024 * 1024;
const MAX_FILES = 8;
const MAX_FIELDS = 8;
const MAX_NAME_BYTES = 100;
/** Of the largest size; more of smaller ones. */
const UPLOADS_AT_ONCE = 4;

/** The one of Yoga, which lets its form parser be bounded. */
interface BoundedForm {
  formData(options: { formDataLimits: Readonly<Record<string, number>> }): Promise<unknown>;
}

function tooLarge(what: string, limit: number, unit = ' bytes'): GraphQLError {
  return new GraphQLError(`${what} the limit of ${limit.toLocaleString('en')}${unit}`, {
    extensions: { code: 'PAYLOAD_TOO_LARGE', limit, http: { status: 413 } },
  });
}

const requestTooLarge = (limit: number): GraphQLError => tooLarge('the request is larger than', limit);

function unreadable({ message }: Error): GraphQLError {
  return new GraphQLError(`the multipart body cannot be read: ${message}`, {
    extensions: { code: 'BAD_USER_INPUT', http: { status: 400 } },
  });
}

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
        if (bytes > limit) controller.error(requestTooLarge(limit));
        else controller.enqueue(chunk);
      },
    }),
  );
  const { url, method, headers, signal } = request;
  const init = { method, headers, signal, body: counted, duplex: 'half' };
  return new Request(url, init);
}

const formLimits = {
  fieldNameSize: MAX_NAME_BYTES,
  fieldSize: MAX_BYTES,
  files: MAX_FILES,
  fields: MAX_FIELDS,
};

/** What the form parser says of a bound, in the words of whoever sent the form. Null: it says something else. */
function exceeded(message: string, fileSize: number): GraphQLError | null {
  const [, what] = /^(.+?)(?: limit)? exceeded: /.exec(message) ?? [];
  switch (what) {
    case 'File size':
      return tooLarge('a file is larger than', fileSize);
    case 'Field value size':
      return tooLarge('a field is larger than', formLimits.fieldSize);
    case 'Field name size':
      return tooLarge('the name of a field is longer than', formLimits.fieldNameSize);
    case 'Files':
      return tooLarge('there are more files than', formLimits.files, '');
    case 'Fields':
      return tooLarge('there are more fields than', formLimits.fields, '');
    default:
      return null;
  }
}

/** Reads the form within bounds; the parser of multipart requests finds it read. */
async function readForm(request: Request, fileSize: number): Promise<void> {
  try {
    await (request as unknown as BoundedForm).formData({ formDataLimits: { ...formLimits, fileSize } });
  } catch (error) {
    if (error instanceof GraphQLError || !(error instanceof Error)) throw error;
    throw exceeded(error.message, fileSize) ?? unreadable(error);
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
      if (length !== null && Number(length) > limit) throw requestTooLarge(limit);
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
