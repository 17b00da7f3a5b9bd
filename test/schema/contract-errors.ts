import { readFileSync } from 'node:fs';
import path from 'node:path';
import { buildSchema, isUnionType } from 'graphql';

/** All that the errors of the contract tell. */
export const problem = `__typename ... on Error {
  code message
  ... on InvalidInputError { issues { path message } }
  ... on InvalidStateError { status }
  ... on NoSuchModelError { nearest }
  ... on QueueFullError { retryAfterMs }
  ... on RateLimitedError { retryAfterMs }
  ... on QuotaExceededError { limit }
  ... on IdempotencyConflictError { task { id } }
}`;

/** Every error that a mutation of the contract can answer: `mutation Error`. */
export function errorsOfContract(): string[] {
  const contract = buildSchema(
    readFileSync(path.join(import.meta.dirname, 'contract/1-first.graphql'), 'utf8'),
  );
  return Object.values(contract.getMutationType()?.getFields() ?? {}).flatMap((field) => {
    const result = contract.getType(String(field.type).replace('!', ''));
    if (!isUnionType(result)) return [];
    const members = result.getTypes().map(({ name }) => name);
    return members.filter((name) => name.endsWith('Error')).map((member) => `${field.name} ${member}`);
  });
}
