import type { z } from 'zod';
import { type InputIssue, InvalidInputError } from './errors.ts';

/** A value as its schema has it, or everything that is wrong with it. */
export type Checked<Value> =
  | { readonly isValid: true; readonly value: Value }
  | { readonly isValid: false; readonly issues: readonly InputIssue[] };

const typeNames: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

const formats: Readonly<Record<string, string>> = {
  url: 'an absolute URL, such as https://example.org/a.wav',
  uuid: 'a UUID',
};

/** "1 character", "10,000 characters". */
function amount(origin: string, count: number | bigint): string {
  const unit = origin === 'string' ? 'character' : 'element';
  return `${count.toLocaleString('en')} ${unit}${Number(count) === 1 ? '' : 's'}`;
}

function bound(words: 'at least' | 'at most', origin: string, limit: number | bigint): string {
  const isLong = origin === 'string' || origin === 'array';
  if (!isLong) return `must be ${words} ${limit.toLocaleString('en')}`;
  return words === 'at least' && Number(limit) === 1
    ? 'must not be empty'
    : `must have ${words} ${amount(origin, limit)}`;
}

/** What would be right, where a schema has no words of its own for it. Undefined: zod's. */
function inCallersTerms(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.input === undefined) return 'must be given';
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${typeNames[issue.expected] ?? issue.expected}`;
    case 'too_small':
      if (issue.inclusive === false) return `must be more than ${issue.minimum.toLocaleString('en')}`;
      return bound('at least', issue.origin, issue.minimum);
    case 'too_big':
      if (issue.inclusive === false) return `must be less than ${issue.maximum.toLocaleString('en')}`;
      return bound('at most', issue.origin, issue.maximum);
    case 'invalid_format':
      return `must be ${formats[issue.format] ?? `of the format ${issue.format}`}`;
    case 'invalid_value':
      return `must be ${issue.values.length === 1 ? '' : 'one of '}${issue.values.map(String).join(', ')}`;
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor.toLocaleString('en')}`;
    case 'unrecognized_keys':
      return `must not have ${issue.keys.join(', ')}`;
    case 'invalid_union':
      return 'must have one of its forms';
    default:
      return undefined;
  }
}

/** A record's key is told where the key itself is wrong. */
function messageOf(issue: z.core.$ZodIssue): string {
  return (issue.code === 'invalid_key' ? issue.issues[0]?.message : undefined) ?? issue.message;
}

/**
 * Checks what a caller gave, and says in the caller's terms what would be right.
 * @param at where the value stands in what was given, for the paths of what is wrong; empty: it is the whole
 */
export function check<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  at = '',
): Checked<z.output<Schema>> {
  const result = schema.safeParse(value, { error: inCallersTerms });
  if (result.success) return { isValid: true, value: result.data };
  const issues = result.error.issues.map((issue) => ({
    path: [at, ...issue.path.map(String)].filter((part) => part !== '').join('.'),
    message: messageOf(issue),
  }));
  return { isValid: false, issues };
}

/** As {@link check}. @throws InvalidInputError with everything that is wrong */
export function valid<Schema extends z.ZodType>(schema: Schema, value: unknown, at = ''): z.output<Schema> {
  const checked = check(schema, value, at);
  if (checked.isValid) return checked.value;
  throw new InvalidInputError(checked.issues);
}
