import { writeFileSync } from 'node:fs';
import { lexicographicSortSchema, printSchema } from 'graphql';
import { createSchema } from '../src/schema/index.ts';

// Writes schema.graphql, or whatever file is named.
writeFileSync(
  process.argv[2] ?? 'schema.graphql',
  `${printSchema(lexicographicSortSchema(createSchema()))}\n`,
);
