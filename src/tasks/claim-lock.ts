import type { Transaction } from '../database/index.ts';

/** Of the advisory lock that claims wait for: one plans at a time, and from what the one before left. */
const CLAIM_LOCK = 0x5717_c1a1;

/** Waits until no claim is under way, and lets none begin before the transaction ends. */
export const lockClaims = (tx: Transaction): Promise<unknown> =>
  tx.query('SELECT pg_advisory_xact_lock($1)', [CLAIM_LOCK]);
