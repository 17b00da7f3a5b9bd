import pg from 'pg';
import { vi } from 'vitest';

const ROUNDS = 5;

async function statementsOf(work: () => Promise<unknown>): Promise<number> {
  const query = vi.spyOn(pg.Client.prototype, 'query');
  try {
    await work();
    return query.mock.calls.length;
  } finally {
    query.mockRestore();
  }
}

/**
 * How many statements this process sends for `work`, which is repeated: the fewest of five times, since what is cached
 * for a second is read again by one of them, and others in the process may have sent theirs meanwhile.
 */
export async function fewestStatements(work: () => Promise<unknown>): Promise<number> {
  let fewest = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) fewest = Math.min(fewest, await statementsOf(work));
  return fewest;
}
