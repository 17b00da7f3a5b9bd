import type { Database } from '../database/index.ts';
import { kindOf } from '../kinds/index.ts';
import type { Log } from '../log.ts';
import type { SpeedView, SwapView } from './planner/index.ts';

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
  /** Whether the node had to load the model first. */
  readonly isSwap: boolean;
}

/** What a model was measured to take on a node: seconds per unit of work. */
export interface MeasuredSpeed extends SpeedView {
  readonly mean: number;
  readonly p90: number;
}

export interface Estimates {
  /** Remembers a run; written within a second. */
  record(run: Run): void;
  /** What each model was measured to take on each node; up to a second old. */
  speeds(): Promise<readonly MeasuredSpeed[]>;
  /** What loading a model was measured to take on each node, beside the run; up to a second old. */
  swaps(): Promise<readonly SwapView[]>;
  /** What nearly every such run takes: the 90th percentile of those measured, else the kind's guess. */
  expectedSeconds(run: Omit<Run, 'seconds' | 'isSwap'>): Promise<number>;
  /** Writes what is still to be written. */
  close(): Promise<void>;
}

const newest = (runs: string): string => `(${runs})[greatest(1, cardinality(${runs}) - ${KEPT_RUNS - 1}):]`;

// Runs with a swap are kept apart: they tell what the swap took, once it is known what a run takes without.
const WRITE = `
  INSERT INTO run_estimate AS e (node_id, kind, model, samples, recent, swap_seconds, swap_units)
  SELECT node_id, kind, model, cardinality(recent), ${newest('recent')}, ${newest('swap_seconds')}, ${newest('swap_units')}
  FROM (
    SELECT node_id, kind, model,
      coalesce(array_agg(seconds / units ORDER BY n) FILTER (WHERE NOT is_swap), '{}') AS recent,
      coalesce(array_agg(seconds ORDER BY n) FILTER (WHERE is_swap), '{}') AS swap_seconds,
      coalesce(array_agg(units ORDER BY n) FILTER (WHERE is_swap), '{}') AS swap_units
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::float8[], $5::float8[], $6::boolean[]) WITH ORDINALITY
      AS r (node_id, kind, model, seconds, units, is_swap, n)
    GROUP BY node_id, kind, model
  ) r
  WHERE EXISTS (SELECT FROM gpu_node WHERE id = r.node_id)
  ORDER BY node_id, kind, model
  ON CONFLICT (node_id, kind, model) DO UPDATE SET
    samples = e.samples + excluded.samples,
    recent = ${newest('e.recent || excluded.recent')},
    swap_seconds = ${newest('e.swap_seconds || excluded.swap_seconds')},
    swap_units = ${newest('e.swap_units || excluded.swap_units')}`;

// As long as every run had a swap, it counts as part of the run.
const READ = `
  SELECT node_id AS "nodeId", kind, model, p[1] AS "secondsPerUnit", p[2] AS p90, mean,
    CASE WHEN samples > 0 THEN samples ELSE cardinality(swap_seconds) END AS samples,
    CASE WHEN samples > 0 THEN (
      SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY greatest(0, seconds - units * p[1]))
      FROM unnest(swap_seconds, swap_units) AS swap (seconds, units)
    ) END AS "swapSeconds"
  FROM run_estimate, LATERAL (
    SELECT percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY pace) AS p, avg(pace) AS mean
    FROM (
      SELECT pace FROM unnest(recent) AS pace
      UNION ALL SELECT seconds / units FROM unnest(swap_seconds, swap_units) AS swap (seconds, units) WHERE samples = 0
    ) AS paces
  ) AS q`;

interface Measured extends MeasuredSpeed {
  /** Null before a run without a swap and one with it. */
  readonly swapSeconds: number | null;
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
        batch.map((run) => run.seconds),
        batch.map((run) => run.cost),
        batch.map((run) => run.isSwap),
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
    swaps: async () =>
      (await read()).flatMap(({ nodeId, model, swapSeconds }) =>
        swapSeconds === null ? [] : [{ nodeId, model, seconds: swapSeconds }],
      ),
    async expectedSeconds({ nodeId, kind, model, cost }) {
      const isIt = (speed: Measured): boolean =>
        speed.nodeId === nodeId && speed.kind === kind && speed.model === model;
      const measured = (await read()).find(isIt);
      return (measured?.p90 ?? kindOf(kind).secondsPerUnit) * cost;
    },
    close: flush,
  };
}
