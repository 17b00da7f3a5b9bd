import type pg from 'pg';
import type { TaskPriority } from '../../database/index.ts';
import { kindOf } from '../../kinds/index.ts';
import { placeOf } from '../fair/index.ts';
import type { Queue } from './facts.ts';

/** Where a task would stand that is queued now. */
export interface NewPlace {
  readonly queue: Queue;
  /** 1 is next. */
  readonly position: number;
}

export interface PlaceRequest {
  readonly userId: string;
  readonly priority: TaskPriority;
  /** Only the queue of these; left out: all that there are. */
  readonly kind?: string;
  readonly model?: string;
}

const selectTags = `
  SELECT q.id, q.kind, q.model, greatest(f.finish, coalesce(c.now, 0)) AS tag
  FROM queue q
  LEFT JOIN fair_clock c ON c.queue_id = q.id AND c.urgent = ($2 = 'URGENT')
  LEFT JOIN fair_share f ON f.queue_id = q.id AND f.user_id = $1 AND f.priority = $2::task_priority
  WHERE ($3::text IS NULL OR q.kind = $3) AND ($4::text IS NULL OR q.model = $4)`;

const selectAhead = `
  SELECT p.id, (
    SELECT count(*) FROM pgboss.job_common j
    WHERE j.name = q.boss_name AND j.state < 'active' AND NOT j.blocked AND j.priority >= p.place
  )::int AS ahead
  FROM unnest($1::uuid[], $2::int[]) AS p (id, place) JOIN queue q ON q.id = p.id`;

/** By fair turns, as the charge of a new task would have it; nothing is charged. */
export async function newPlaces(pool: pg.Pool, request: PlaceRequest): Promise<NewPlace[]> {
  const { userId, priority, kind = null, model = null } = request;
  const { rows: tags } = await pool.query<{ id: string; kind: string; model: string; tag: number }>(
    selectTags,
    [userId, priority, kind, model],
  );
  const { rows } = await pool.query<{ id: string; ahead: number }>(selectAhead, [
    tags.map(({ id }) => id),
    tags.map(({ tag }) => placeOf(tag, priority)),
  ]);
  const ahead = new Map(rows.map((row) => [row.id, row.ahead]));
  return tags.map(({ id, ...queue }) => ({
    queue: { id, kind: queue.kind, model: queue.model, secondsPerUnit: kindOf(queue.kind).secondsPerUnit },
    position: 1 + (ahead.get(id) ?? 0),
  }));
}
