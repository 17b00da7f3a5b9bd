import { GraphQLError } from 'graphql';
import type { FetchAPI, Plugin } from 'graphql-yoga';
import { type BodyBounds, SMALL_BYTES } from '../body-bounds.ts';
import type { Budget } from '../budget.ts';
import type { ServerContext } from '../server-context.ts';

const MAX_FILES = 8;
const MAX_FIELDS = 8;
const MAX_NAME_BYTES = 100;

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

/** The same request with a body that fails as `admit` does, which is told after each piece how long it is by then. */
function counted(
  request: Request,
  admit: (bytes: number) => void,
  { Request, TransformStream }: FetchAPI,
): Request {
  if (request.body === null) return request;
  let bytes = 0;
  const body = request.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        bytes += chunk.byteLength;
        try {
          admit(bytes);
          controller.enqueue(chunk);
        } catch (error) {
          controller.error(error);
        }
      },
    }),
  );
  const { url, method, headers, signal } = request;
  const init = { method, headers, signal, body, duplex: 'half' };
  return new Request(url, init);
}

interface FormSizes {
  readonly file: number;
  readonly field: number;
}

/** What the form parser says of a bound, in the words of whoever sent the form. Null: it says something else. */
function exceeded(message: string, { file, field }: FormSizes): GraphQLError | null {
  const [, what] = /^(.+?)(?: limit)? exceeded: /.exec(message) ?? [];
  switch (what) {
    case 'File size':
      return tooLarge('a file is larger than', file);
    case 'Field value size':
      return tooLarge('a field is larger than', field);
    case 'Field name size':
      return tooLarge('the name of a field is longer than', MAX_NAME_BYTES);
    case 'Files':
      return tooLarge('there are more files than', MAX_FILES, '');
    case 'Fields':
      return tooLarge('there are more fields than', MAX_FIELDS, '');
    default:
      return null;
  }
}

/** Reads the form within bounds; the parser of multipart requests finds it read. */
async function readForm(request: Request, sizes: FormSizes): Promise<void> {
  const formDataLimits = {
    ...{ fieldNameSize: MAX_NAME_BYTES, fieldSize: sizes.field, fileSize: sizes.file },
    ...{ files: MAX_FILES, fields: MAX_FIELDS },
  };
  try {
    await (request as unknown as BoundedForm).formData({ formDataLimits });
  } catch (error) {
    if (error instanceof GraphQLError || !(error instanceof Error)) throw error;
    throw exceeded(error.message, sizes) ?? unreadable(error);
  }
}

function busy(): GraphQLError {
  const message = 'too much is being received just now; try again in a moment';
  const http = { status: 503, headers: { 'retry-after': '1' } };
  return new GraphQLError(message, { extensions: { code: 'SERVICE_UNAVAILABLE', http } });
}

/** Takes part of the budget until the answer is closed. @throws GraphQLError SERVICE_UNAVAILABLE */
function hold(budget: Budget, bytes: number, until: AbortSignal): void {
  const giveBack = budget.take(bytes);
  if (giveBack === null) throw busy();
  if (until.aborted) giveBack();
  else until.addEventListener('abort', giveBack, { once: true });
}

/** Says of each length that a body has by then whether it may be so long. */
function admission(limit: number, onLarge: () => void): (bytes: number) => void {
  let isLarge = false;
  return (bytes) => {
    if (bytes > limit) throw requestTooLarge(limit);
    if (isLarge || bytes <= SMALL_BYTES) return;
    isLarge = true;
    onLarge();
  };
}

/** Bounds what a request may send, by its stated length where it has one, and counted where it has none. */
export function useBodyLimits(bounds: BodyBounds): Plugin<object, ServerContext> {
  const sizes = { file: bounds.uploadBytes, field: bounds.jsonBytes };

  function limitOf(isMultipart: boolean, isStranger: boolean): number {
    if (isStranger) return bounds.strangersBytes;
    return isMultipart ? bounds.uploadBytes + bounds.jsonBytes : bounds.jsonBytes;
  }

  return {
    onRequestParse({ request, requestParser, setRequestParser, fetchAPI, serverContext }) {
      const { viewer, closed } = serverContext;
      const multipart = isMultipart(request);
      const limit = limitOf(multipart, viewer === null);
      const length = request.headers.get('content-length');
      const atMost = length === null ? limit : Number(length);
      if (atMost > limit) throw requestTooLarge(limit);
      const holdJson = (): void => hold(bounds.json, atMost, closed);
      if (multipart) hold(bounds.uploads, atMost, closed);
      else if (length !== null && atMost > SMALL_BYTES) holdJson();
      if (requestParser === undefined || (length !== null && !multipart)) return;
      const admit = admission(limit, multipart ? () => undefined : holdJson);
      setRequestParser(async (whole) => {
        const body = length === null ? counted(whole, admit, fetchAPI) : whole;
        if (multipart) await readForm(body, sizes);
        return requestParser(body);
      });
    },
  };
}
