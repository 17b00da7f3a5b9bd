import type { Database } from '../database/index.ts';

export interface Followed {
  readonly id: string;
  readonly taskIds: readonly string[];
  /** Whether there is a change that nobody has looked at. */
  readonly isDue: boolean;
}

const MAX_GROUP = 100;
/** How soon is found what nobody told of, such as what a killed process left. */
const EVERY_MS = 1_000;
/** With very many under way a round takes longer: then the next one comes so many times as much later. */
const REST = 10;

const select = (which: string, isDue: string): string => `
  SELECT g.id, array_agg(p.task_id) AS "taskIds", ${isDue} AS "isDue"
  FROM generation g JOIN generation_task p ON p.generation_id = g.id LEFT JOIN task t ON t.id = p.task_id
  WHERE ${which} GROUP BY g.id`;

// A task that is missing has its time. One that has changed need not wait: it may come when nobody wants it any more.
const selectHeard = select(
  'g.id = ANY ($1::uuid[])',
  `g.follow_at IS NOT NULL
    AND bool_or(CASE WHEN t.id IS NULL THEN g.follow_at <= now() ELSE t.version <> p.seen_version END)`,
);
const selectDue = `
  ${select('g.follow_at <= now()', 'true')} HAVING bool_or(t.version IS DISTINCT FROM p.seen_version)
  ORDER BY g.follow_at LIMIT ${MAX_GROUP}`;

/** Rounds over all generations that have something under way. */
export interface Rounds {
  /** Until the next one, in milliseconds. */
  waitMs(): number;
  /** The next one is due now. */
  hurry(): void;
  /** Those of which there is a change; none before its time. */
  next(): Promise<readonly Followed[]>;
}

export function createRounds({ pool }: Pick<Database, 'pool'>): Rounds {
  let dueAt = 0;
  return {
    waitMs: () => Math.max(0, dueAt - performance.now()),
    hurry() {
      dueAt = 0;
    },
    async next() {
      const startedAt = performance.now();
      if (startedAt < dueAt) return [];
      dueAt = startedAt + EVERY_MS;
      const { rows } = await pool.query<Followed>(selectDue);
      const now = performance.now();
      // There may be more than one round takes.
      dueAt = rows.length === MAX_GROUP ? now : now + Math.max(EVERY_MS, REST * (now - startedAt));
      return rows;
    },
  };
}

/** How it is about those of which somebody has heard. */
export async function readFollowed(
  { pool }: Pick<Database, 'pool'>,
  ids: readonly string[],
): Promise<readonly Followed[]> {
  if (ids.length === 0) return [];
  return (await pool.query<Followed>(selectHeard, [ids])).rows;
}
