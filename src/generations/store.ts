import type { Database, Tier, Transaction } from '../database/index.ts';
import type { LogEntry, Outcome, Part, State } from './types.ts';

/** The caller's choices, and what else stays as it was from the beginning. */
export interface Given {
  readonly id: string;
  readonly userId: string;
  readonly tier: Tier;
  /** Null: the default by the time of the selection. */
  readonly modelModel: string | null;
  readonly format: string;
}

/** A generation as it is, with its tasks. */
export interface Generation {
  readonly given: Given;
  readonly state: State;
  readonly parts: readonly Part[];
  readonly isFollowed: boolean;
  /** Whether it is to be looked after, and not yet. */
  readonly isAwaited: boolean;
}

/** In which whoever makes a generation has submitted its tasks, or is dead. */
const SUBMIT_WITHIN_SECONDS = 10;
/** When to look again for tasks that somebody may have been about to submit: no statement takes that long. */
const LATER_SECONDS = 30;

const lock = `
  SELECT g.id, g.user_id AS "userId", u.tier, g.model_model AS "modelModel", g.format, g.prompt,
         g.final_prompt AS "finalPrompt", g.fallback, g.image_count AS "imageCount", g.image_model AS "imageModel",
         g.status, g.phase, g.selected_image AS "selectedImage", g.follow_at IS NOT NULL AS "isFollowed",
         coalesce(g.follow_at > now(), false) AS "isAwaited"
  FROM generation g JOIN user_account u ON u.id = g.user_id WHERE g.id = $1 FOR UPDATE OF g`;

const selectParts = `
  SELECT p.task_id AS "taskId", p.role, p.number, p.model, p.status, p.started, p.seen_version AS "seenVersion",
         CASE WHEN t.id IS NOT NULL THEN jsonb_build_object('status', t.status, 'version', t.version,
           'attempt', t.attempt, 'result', d.result, 'error', d.error) END AS task
  FROM generation_task p LEFT JOIN task t ON t.id = p.task_id LEFT JOIN task_data d ON d.task_id = t.id
  WHERE p.generation_id = $1 ORDER BY p.role, p.number`;

interface Row extends Given, State {
  readonly [column: string]: unknown;
  readonly isFollowed: boolean;
  readonly isAwaited: boolean;
}

/**
 * Locks a generation, which comes last in the order of locks, and reads its tasks, which it does not lock. Null where
 * there is none.
 */
export async function lockGeneration(tx: Transaction, id: string): Promise<Generation | null> {
  const [row] = await tx.query<Row>(lock, [id]);
  if (!row) return null;
  // Behind the lock: in a statement of its own, and so with a newer snapshot.
  const parts = await tx.query<Part & Record<string, unknown>>(selectParts, [id]);
  const { userId, tier, modelModel, format, isFollowed, isAwaited, ...state } = row;
  return { given: { id, userId, tier, modelModel, format }, state, parts, isFollowed, isAwaited };
}

const insert = `
  INSERT INTO generation (id, user_id, prompt, optimize, final_prompt, fallback, image_count, image_model, model_model,
    format, version, follow_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, now() + make_interval(secs => ${SUBMIT_WITHIN_SECONDS}))`;

const update = `
  UPDATE generation SET status = $2::generation_status, phase = $3::generation_phase, final_prompt = $4, fallback = $5, selected_image = $6,
    version = version + $7::int, follow_at = CASE $8::text WHEN 'now' THEN least(follow_at, now())
      WHEN 'later' THEN now() + make_interval(secs => ${LATER_SECONDS}) END,
    completed_at = CASE WHEN $3::generation_phase = 'COMPLETED' THEN coalesce(completed_at, now()) END,
    updated_at = CASE WHEN $7::int > 0 THEN now() ELSE updated_at END
  WHERE id = $1 RETURNING version`;

const writeParts = `
  INSERT INTO generation_task (task_id, generation_id, role, number, model, status, started, seen_version)
  SELECT task_id, $1::uuid, role, number, model, status, started, seen_version
  FROM unnest($2::uuid[], $3::generation_role[], $4::int[], $5::text[], $6::generated_status[], $7::boolean[],
    $8::int[]) AS p (task_id, role, number, model, status, started, seen_version)
  ON CONFLICT (task_id) DO UPDATE
    SET status = excluded.status, started = excluded.started, seen_version = excluded.seen_version`;

const writeEvents = `
  INSERT INTO generation_event (generation_id, version, type, data)
  SELECT $1::uuid, $2::int - count(*) OVER () + n, type, data
  FROM unnest($3::text[], $4::jsonb[]) WITH ORDINALITY AS e (type, data, n)`;

async function putParts(tx: Transaction, id: string, parts: readonly Part[]): Promise<void> {
  const column = <T>(of: (part: Part) => T): T[] => parts.map(of);
  if (parts.length === 0) return;
  await tx.query(writeParts, [
    id,
    column(({ taskId }) => taskId),
    column(({ role }) => role),
    column(({ number }) => number),
    column(({ model }) => model),
    column(({ status }) => status),
    column(({ started }) => started),
    column(({ seenVersion }) => seenVersion),
  ]);
}

/** @param version of the last entry */
async function append(
  tx: Transaction,
  id: string,
  { log, version }: { readonly log: readonly LogEntry[]; readonly version: number },
): Promise<void> {
  if (log.length === 0) return;
  const types = log.map(({ type }) => type);
  await tx.query(writeEvents, [id, version, types, log.map(({ data }) => JSON.stringify(data))]);
}

/** Writes a new generation. Whoever does so submits its tasks: for a while followers leave that to him. */
export async function insertGeneration(
  tx: Transaction,
  given: Omit<Given, 'tier'>,
  { optimize, outcome }: { readonly optimize: boolean; readonly outcome: Outcome },
): Promise<void> {
  const { id, userId, modelModel, format } = given;
  const { state, parts, log } = outcome;
  const { prompt, finalPrompt, fallback, imageCount, imageModel } = state;
  const rewriting = [prompt, optimize, finalPrompt, fallback];
  const version = log.length;
  await tx.query(insert, [id, userId, ...rewriting, imageCount, imageModel, modelModel, format, version]);
  await putParts(tx, id, parts);
  await append(tx, id, { log, version });
}

/** Writes what a look or a command came to, as far as it is anything new. */
export async function writeOutcome(tx: Transaction, before: Generation, outcome: Outcome): Promise<void> {
  const { id } = before.given;
  const { state, log, follow } = outcome;
  const known = new Set(before.parts);
  const changed = outcome.parts.filter((part) => !known.has(part));
  const isFollowed = follow !== 'no';
  if (log.length === 0 && changed.length === 0 && isFollowed === before.isFollowed) return;
  const { status, phase, finalPrompt, fallback, selectedImage } = state;
  const values = [id, status, phase, finalPrompt, fallback, selectedImage, log.length, follow];
  const [row] = await tx.query<{ version: number }>(update, values);
  await putParts(tx, id, changed);
  await append(tx, id, { log, version: row?.version ?? 0 });
}

/** Whether the log has an entry with that message. */
export async function wasTold(
  { pool }: Pick<Database, 'pool'>,
  id: string,
  message: string,
): Promise<boolean> {
  const told =
    "SELECT version FROM generation_event WHERE generation_id = $1 AND data->>'message' = $2 LIMIT 1";
  return (await pool.query(told, [id, message])).rows.length > 0;
}

/** Looks after a generation no sooner than in that time, where there is anything to look after. */
export async function postpone({ pool }: Pick<Database, 'pool'>, id: string, seconds: number): Promise<void> {
  await pool.query(
    'UPDATE generation SET follow_at = now() + make_interval(secs => $2) WHERE id = $1 AND follow_at IS NOT NULL',
    [id, seconds],
  );
}
