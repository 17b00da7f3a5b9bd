import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { buildSchema, findSchemaChanges, lexicographicSortSchema, printSchema } from 'graphql';
import { describe, expect, it } from 'vitest';
import { createSchema } from '../../src/schema/index.ts';

const folder = path.join(import.meta.dirname, 'contract');
const contract = buildSchema(
  readdirSync(folder)
    .sort()
    .map((file) => readFileSync(path.join(folder, file), 'utf8'))
    .join('\n'),
);

/** What a superset may have beside: everything else than these would break somebody. */
const additions: readonly string[] = [
  'TYPE_ADDED',
  'FIELD_ADDED',
  'OPTIONAL_ARG_ADDED',
  'OPTIONAL_INPUT_FIELD_ADDED',
  'VALUE_ADDED_TO_ENUM',
  'TYPE_ADDED_TO_UNION',
  'DESCRIPTION_CHANGED',
];

describe('the schema', () => {
  it('is a superset of the contract: nothing is renamed, removed or loosened', () => {
    const changes = findSchemaChanges(contract, createSchema());
    const others = changes.filter(({ type }) => !additions.includes(type));
    expect(others.map(({ type, description }) => `${type}: ${description}`)).toEqual([]);
  });

  it('is the one that schema.graphql has', () => {
    const printed = readFileSync(path.join(import.meta.dirname, '../../schema.graphql'), 'utf8');
    expect(`${printSchema(lexicographicSortSchema(createSchema()))}\n`).toBe(printed);
  });
});
