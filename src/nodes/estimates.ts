import type { Database } from '../database/index.ts';
import { kindOf } from '../kinds/index.ts';
import type { Log } from '../log.ts';
import type { SpeedView } from './planner/index.ts';

/** How many of the latest runs count. */
const KEPT_RUNS = 20;
/** Runs are written together, and read again, at most this often. */
const INTERVAL_MS = 1_000;

/** A run that succeeded. */
export interface Run {
  readonly nodeId: string;
  readonly kind: string;
  readonly model: string;
  readonly seconds: number;
  /** Units of work, as its kind counts them. */
  readonly cost: number;
}

export interface Estimates {
  /** Remembers a run; written within a second. */
  record(run: Run): void;
  /** What each model was measured to take on each node; up to a second old. */
  speeds(): Promise<readonly SpeedView[]>;
  /** What nearly every such run takes: the 90th percentile of those measured, else the kind's guess. */
  expectedSeconds(run: Omit<Run, 'seconds'>): Promise<number>;
  /** Writes what is still to be written. */
  close(): Promise<void>;
}

// Keeps the newest KEPT_RUNS of the stored runs and the new ones.
const WRITE = `
  INSERT INTO run_estimate AS e (node_id, kind, model, samples, recent)
  SELECT node_id, kind, model, cardinality(recent), recent[greatest(1, cardinality(recent) - ${KEPT_RUNS - 1}):]
  FROM (
    SELECT node_id, kind, model, array_agg(seconds ORDER BY n) AS recent
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::float8[]) WITH ORDINALITY AS r(node_id, kind, model, seconds, n)
    GROUP BY node_id, kind, model
  ) r
  WHERE EXISTS (SELECT FROM gpu_node WHERE id = r.node_id)
  ORDER BY node_id, kind, model
  ON CONFLICT (node_id, kind, model) DO UPDATE SET
    samples = e.samples + excluded.samples,
    recent = (e.recent || excluded.recent)[greatest(1, cardinality(e.recent || excluded.recent) - ${KEPT_RUNS - 1}):]`;

const READ = `
  SELECT node_id AS "nodeId", kind, model, samples, p[1] AS "secondsPerUnit", p[2] AS p90
  FROM run_estimate, LATERAL (
    SELECT percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY seconds) AS p FROM unnest(recent) AS seconds
  ) AS q`;

interface Measured extends SpeedView {
  readonly p90: number;
}

/** Measured speeds, kept in the table `run_estimate`. */
export function createEstimates({ database, log }: { database: Database; log: Log }): Estimates {
  let runs: Run[] = [];
  let timer: NodeJS.Timeout | null = null;
  let writing = Promise.resolve();
  let speeds: Promise<readonly Measured[]> | null = null;
  let readAt = Number.NEGATIVE_INFINITY;

  async function write(): Promise<void> {
    const batch = runs;
    runs = [];
    if (batch.length === 0) return;
    try {
      await database.pool.query(WRITE, [
        batch.map((run) => run.nodeId),
        batch.map((run) => run.kind),
        batch.map((run) => run.model),
        batch.map((run) => run.seconds / run.cost),
      ]);
    } catch (error) {
      log.warn({ err: error, runs: batch.length }, 'measured run times were lost');
    }
  }

  function flush(): Promise<void> {
    if (timer) clearTimeout(timer);
    timer = null;
    writing = writing.then(write);
    return writing;
  }

  function read(): Promise<readonly Measured[]> {
    if (!speeds || performance.now() - readAt > INTERVAL_MS) {
      readAt = performance.now();
      const reading = database.pool.query<Measured>(READ).then(({ rows }) => rows);
      reading.catch(() => {
        speeds = null;
      });
      speeds = reading;
    }
    return speeds;
  }

  return {
    record(run) {
      runs.push(run);
      timer ??= setTimeout(flush, INTERVAL_MS);
    },
    speeds: read,
    async expectedSeconds({ nodeId, kind, model, cost }) {
      const isIt = (speed: Measured): boolean =>
        speed.nodeId === nodeId && speed.kind === kind && speed.model === model;
      const measured = (await read()).find(isIt);
      return (measured?.p90 ?? kindOf(kind).secondsPerUnit) * cost;
    },
    close: flush,
  };
}
