/**
 * A node's circuit, as its row has it: closed (healthy), open (unhealthy; probed again after a back-off), and
 * on trial (healthy again, but with this many failures since its last success: one task at a time).
 */
export const OPEN_AFTER_FAILURES = 3;
