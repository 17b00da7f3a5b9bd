import { GraphQLError } from 'graphql';
import { CallerError, InvalidInputError, RateLimitedError, RefusedError } from '../errors.ts';
import { isUnavailable } from '../unavailable.ts';
import type { RequestScope } from './request-scope.ts';

const statusByCode: Readonly<Record<string, number>> = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  PAYLOAD_TOO_LARGE: 413,
  RATE_LIMITED: 429,
  INTERNAL_SERVER_ERROR: 500,
  SERVICE_UNAVAILABLE: 503,
};

/** The stack's own codes under the names that the API promises. */
const aliases: Readonly<Record<string, string>> = {
  REQUEST_ENTITY_TOO_LARGE: 'PAYLOAD_TOO_LARGE',
  BAD_REQUEST: 'BAD_USER_INPUT',
  OPERATION_RESOLUTION_FAILURE: 'BAD_USER_INPUT',
};

/** Of a document or of variables in which things are nested by the thousand: only the stack's end tells. */
function isTooDeep(error: unknown): boolean {
  return error instanceof RangeError && error.message === 'Maximum call stack size exceeded';
}

/** What was thrown, below what the layers around it made of it. */
function rootOf(error: unknown): unknown {
  return error instanceof GraphQLError && error.originalError ? rootOf(error.originalError) : error;
}

interface Extensions {
  readonly code: string;
  readonly [name: string]: unknown;
}

/** In whole seconds, as HTTP has it. */
function retryAfter({ code, retryAfterMs }: Extensions): Record<string, string> {
  if (typeof retryAfterMs === 'number') return { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) };
  return code === 'SERVICE_UNAVAILABLE' ? { 'retry-after': '1' } : {};
}

function restated(error: unknown, message: string, extensions: Extensions): GraphQLError {
  const place = error instanceof GraphQLError ? error : undefined;
  const status = statusByCode[extensions.code] ?? 400;
  // As GraphQL over HTTP has it: what fails while it is being executed is 200 to `application/json`.
  const http = { status, spec: place?.path !== undefined, headers: retryAfter(extensions) };
  return new GraphQLError(message, {
    nodes: place?.nodes,
    positions: place?.positions,
    source: place?.source,
    path: place?.path,
    extensions: { ...extensions, http },
  });
}

function ofCaller(error: CallerError): Extensions {
  const { code } = error;
  if (error instanceof InvalidInputError) return { code, issues: error.issues };
  if (error instanceof RateLimitedError) return { code, retryAfterMs: error.retryAfterMs };
  return { code };
}

/** Gives an error of GraphQL's own, or of the server around it, one of the codes that the API promises. */
function coded(error: GraphQLError): GraphQLError {
  const { code, http } = error.extensions as { code?: string; http?: { status?: number } };
  if (code !== undefined && aliases[code] === undefined) return error;
  const known = code === undefined ? undefined : aliases[code];
  const named =
    known ?? (error.message.startsWith('Syntax Error') ? 'GRAPHQL_PARSE_FAILED' : 'BAD_USER_INPUT');
  const status = statusByCode[named] ?? 400;
  Object.assign(error.extensions, { code: named, http: http ?? { spec: true, status } });
  return error;
}

/**
 * What a refused request is told: the one place where whatever was thrown becomes a GraphQL error with a code.
 * What is unexpected is logged, and told as nothing but the request's id.
 */
export function problemOf(error: unknown, scope: RequestScope | undefined): GraphQLError {
  const root = rootOf(error);
  if (root instanceof GraphQLError) return coded(error instanceof GraphQLError ? error : root);
  if (root instanceof RefusedError) return restated(error, root.message, { code: root.code });
  if (root instanceof CallerError) return restated(error, root.message, ofCaller(root));
  if (isUnavailable(root)) {
    scope?.log.warn(
      { err: root },
      'a request was refused: the database, or the store of files, cannot be reached',
    );
    return restated(error, 'the service is not available just now; try again in a moment', {
      code: 'SERVICE_UNAVAILABLE',
    });
  }
  if (isTooDeep(root)) {
    scope?.log.warn({ err: root }, 'a request was refused: it is nested too deeply');
    return restated(error, 'the operation is too complex: it is nested too deeply', {
      code: 'QUERY_TOO_COMPLEX',
    });
  }
  scope?.log.error({ err: root }, 'a request failed unexpectedly');
  return restated(error, 'something went wrong on our side; the request id finds it in our log', {
    code: 'INTERNAL_SERVER_ERROR',
    requestId: scope?.requestId,
  });
}
