import type { Database } from '../database/index.ts';
import { isKindName, type KindName } from '../kinds/index.ts';
import { LOCAL_NODE_ID, type Nodes } from '../nodes/index.ts';

export interface QueueStats {
  readonly id: string;
  readonly kind: KindName;
  readonly model: string;
  readonly queued: number;
  readonly running: number;
  readonly scheduled: number;
  readonly capacity: number;
  /** Share of the capacity that queued and scheduled tasks take. */
  readonly usage: number;
  /** Of nodes that can take work now. */
  readonly slots: number;
  /** Age of the oldest of the next {@link NEXT} jobs; null where none waits. */
  readonly oldestQueuedMs: number | null;
}

export interface Stats {
  readonly queues: readonly QueueStats[];
  readonly workers: {
    readonly processes: number;
    /** Running attempts, and how many more the processes would take. */
    readonly active: number;
    readonly idle: number;
  };
  readonly nodes: {
    readonly healthy: number;
    readonly unhealthy: number;
    readonly draining: number;
    readonly slots: number;
    readonly busySlots: number;
  };
}

const NEXT = 100;
/** Whoever asks again within this time is told the same. */
const FRESH_MS = 200;

const selectQueues = `
  SELECT q.id, q.kind, q.model, coalesce(c.queued, 0) AS queued, coalesce(c.running, 0) AS running,
         coalesce(c.scheduled, 0) AS scheduled, next.oldest AS "oldestQueuedMs"
  FROM queue q
  LEFT JOIN LATERAL (SELECT sum(queued)::int AS queued, sum(running)::int AS running,
                     sum(scheduled)::int AS scheduled FROM task_count WHERE owner_id = q.id) c ON true
  LEFT JOIN LATERAL (
    SELECT greatest(0, extract(epoch FROM now() - min(created_on)) * 1000)::int AS oldest FROM (
      SELECT created_on FROM pgboss.job_common WHERE name = q.boss_name AND state < 'active' AND NOT blocked
      ORDER BY priority DESC, created_on LIMIT ${NEXT}
    ) AS heads
  ) next ON true
  ORDER BY q.kind, q.model`;

const selectWorkers = `
  SELECT count(*)::int AS processes, coalesce(sum(concurrency), 0)::int AS concurrency,
         (SELECT count(*)::int FROM task_attempt WHERE outcome = 'RUNNING' AND node_id <> '${LOCAL_NODE_ID}') AS active
  FROM worker WHERE lease_until > now()`;

const selectNodes = `
  SELECT count(*) FILTER (WHERE state = 'ACTIVE' AND healthy)::int AS healthy,
         count(*) FILTER (WHERE state = 'ACTIVE' AND NOT healthy)::int AS unhealthy,
         count(*) FILTER (WHERE state = 'DRAINING')::int AS draining,
         coalesce(sum(slot_count), 0)::int AS slots,
         coalesce(sum((SELECT count(*) FROM slot s WHERE s.node_id = n.id AND s.task_id IS NOT NULL)), 0)::int AS "busySlots"
  FROM gpu_node n WHERE state <> 'REMOVED' AND id <> '${LOCAL_NODE_ID}'`;

type QueueRow = Omit<QueueStats, 'kind' | 'capacity' | 'usage' | 'slots'> & { readonly kind: string };
type WorkerRow = { processes: number; concurrency: number; active: number };

export interface StatsOptions {
  readonly database: Database;
  readonly nodes: Pick<Nodes, 'models'>;
  readonly queueCapacity: number;
}

/** What queues, workers and nodes are doing. */
export function createStats({
  database: { pool },
  nodes,
  queueCapacity,
}: StatsOptions): () => Promise<Stats> {
  let latest: Promise<Stats> | null = null;
  let readAt = 0;

  async function read(): Promise<Stats> {
    const [queues, workers, nodeRows, models] = await Promise.all([
      pool.query<QueueRow>(selectQueues),
      pool.query<WorkerRow>(selectWorkers),
      pool.query<Stats['nodes']>(selectNodes),
      nodes.models.list(),
    ]);
    const slots = new Map(models.map((model) => [`${model.kind} ${model.name}`, model.slots]));
    const { processes = 0, concurrency = 0, active = 0 } = workers.rows[0] ?? {};
    return {
      queues: queues.rows.flatMap(({ kind, ...row }) => {
        // Of a kind that this version does not know.
        if (!isKindName(kind)) return [];
        return {
          ...row,
          kind,
          capacity: queueCapacity,
          usage: (row.queued + row.scheduled) / queueCapacity,
          slots: slots.get(`${kind} ${row.model}`) ?? 0,
        };
      }),
      workers: { processes, active, idle: Math.max(0, concurrency - active) },
      nodes: nodeRows.rows[0] ?? { healthy: 0, unhealthy: 0, draining: 0, slots: 0, busySlots: 0 },
    };
  }

  return () => {
    if (!latest || performance.now() - readAt > FRESH_MS) {
      readAt = performance.now();
      latest = read();
      latest.catch(() => (latest = null));
    }
    return latest;
  };
}
