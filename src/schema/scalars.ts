import { GraphQLError } from 'graphql';
import { builder, type Upload } from './builder.ts';

function wrong(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT' } });
}

/** As an error message shows a value: short, and safe for a log. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

const rfc3339 = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;

/** JavaScript makes the 2nd of March of the 30th of February. */
function isDay(date: string): boolean {
  const parsed = new Date(`${date}T00:00:00Z`);
  return !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(date);
}

function parseDateTime(value: unknown): Date {
  const isRight = typeof value === 'string' && rfc3339.test(value) && isDay(value.slice(0, 10));
  const date = isRight ? new Date(value) : null;
  if (date === null || Number.isNaN(date.getTime())) {
    throw wrong(
      `DateTime must be RFC 3339 with an offset, such as "2026-10-05T14:30:00Z"; got ${shown(value)}`,
    );
  }
  return date;
}

function parseUrl(value: unknown): string {
  if (typeof value !== 'string' || !URL.canParse(value)) {
    throw wrong(`URL must be an absolute URL, such as "https://example.org/a.wav"; got ${shown(value)}`);
  }
  return new URL(value).href;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseObject(value: unknown): Record<string, unknown> {
  if (!isRecord(value)) throw wrong(`JSONObject must be a JSON object; got ${shown(value)}`);
  return value;
}

function isUpload(value: unknown): value is Upload {
  return isRecord(value) && 'stream' in value && typeof value.stream === 'function';
}

function parseFile(value: unknown): Upload {
  if (!isUpload(value)) {
    throw wrong(
      'File must be a file of a GraphQL multipart request (https://github.com/jaydenseric/graphql-multipart-request-spec)',
    );
  }
  return value;
}

builder.scalarType('DateTime', {
  description: 'RFC 3339, always UTC',
  parseValue: parseDateTime,
  serialize: (date) => date.toISOString(),
});

builder.scalarType('JSON', {
  description: 'Any JSON value',
  parseValue: (value) => value,
  serialize: (value) => value,
});

builder.scalarType('JSONObject', {
  description: 'A JSON object; as labels: string values only',
  parseValue: parseObject,
  serialize: (value) => value,
});

builder.scalarType('URL', { description: 'An absolute URL', parseValue: parseUrl, serialize: (url) => url });

builder.scalarType('File', {
  description: 'A file of a GraphQL multipart request',
  parseValue: parseFile,
  serialize: () => {
    throw new Error('a File is only ever sent to the server');
  },
});
