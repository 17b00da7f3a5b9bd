import type { Database } from '../database/index.ts';
import type { Nodes, NodeView, SpeedView } from '../nodes/index.ts';

/** Work that waits. */
export interface Backlog {
  readonly kind: string;
  readonly model: string;
  readonly queued: number;
  /** Units of work of each, on average. */
  readonly cost: number;
}

type Model = Pick<Backlog, 'kind' | 'model'>;

/** Fewer measured runs tell nothing. */
const MIN_SAMPLES = 5;
/** Tasks of a queue that are looked at for what they cost. */
const NEXT = 100;
/** Whoever asks again within this time is told the same. */
const FRESH_MS = 500;

const slotsOf = ({ freeSlots, busyForSeconds }: NodeView): number => freeSlots.length + busyForSeconds.length;

const offers = (node: NodeView, { kind, model }: Model): boolean =>
  node.offers.some((offer) => offer.kind === kind && offer.models.includes(model));

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Seconds that a unit of it takes on one of the nodes' slots, on average; null where too little was measured. */
function secondsPerUnit(
  able: readonly NodeView[],
  model: Model,
  speeds: readonly SpeedView[],
): number | null {
  const known = able.flatMap((node) => {
    const isIt = (speed: SpeedView): boolean =>
      speed.nodeId === node.id && speed.kind === model.kind && speed.model === model.model;
    const speed = speeds.find(isIt);
    return speed && speed.samples >= MIN_SAMPLES ? [{ slots: slotsOf(node), ...speed }] : [];
  });
  const slots = sum(known.map((speed) => speed.slots));
  return slots === 0 ? null : slots / sum(known.map((speed) => speed.slots / speed.secondsPerUnit));
}

/** When slots that are busy for so long have done so much more work, and one of them is free. */
function startsAfter(busy: readonly number[], work: number): number {
  let left = work;
  const ascending = busy.toSorted((a, b) => a - b);
  for (const [n, until] of ascending.entries()) {
    const room = ((ascending[n + 1] ?? Number.POSITIVE_INFINITY) - until) * (n + 1);
    if (left <= room) return until + left / (n + 1);
    left -= room;
  }
  return 0;
}

/**
 * Seconds until a task of that model would start that is submitted now, behind all that waits for the same
 * nodes; null where no node can take it now, or too little was measured to tell.
 */
export function expectedWait(
  model: Model,
  nodes: readonly NodeView[],
  backlogs: readonly Backlog[],
  speeds: readonly SpeedView[],
): number | null {
  const able = nodes.filter((node) => offers(node, model) && slotsOf(node) > 0);
  if (able.length === 0) return null;
  let work = 0;
  for (const backlog of backlogs) {
    const everywhere = nodes.filter((node) => offers(node, backlog));
    const here = everywhere.filter((node) => able.includes(node));
    if (here.length === 0) continue;
    const seconds = secondsPerUnit(everywhere, backlog, speeds);
    if (seconds === null) return null;
    const share = sum(here.map(slotsOf)) / sum(everywhere.map(slotsOf));
    work += backlog.queued * backlog.cost * seconds * share;
  }
  const busy = able.flatMap(({ freeSlots, busyForSeconds }) => [
    ...freeSlots.map(() => 0),
    ...busyForSeconds,
  ]);
  return startsAfter(busy, work);
}

const selectBacklogs = `
  SELECT q.kind, q.model, c.queued, coalesce(next.cost, 1) AS cost
  FROM queue q
  JOIN LATERAL (SELECT sum(queued)::int AS queued FROM task_count WHERE owner_id = q.id) c ON c.queued > 0
  LEFT JOIN LATERAL (
    SELECT avg((data->>'cost')::float8) AS cost FROM (
      SELECT data FROM pgboss.job_common WHERE name = q.boss_name AND state < 'active' AND NOT blocked
      ORDER BY priority DESC, created_on LIMIT ${NEXT}
    ) AS heads
  ) next ON true`;

/** Tells what is expected of a model, as {@link expectedWait} has it. */
export type ExpectedWaits = (model: Model) => number | null;

/** Looks at nodes and queues as they are now, or were a moment ago. */
export function createExpectedWaits(database: Database, nodes: Pick<Nodes, 'views' | 'speeds'>) {
  const { pool } = database;
  let latest: Promise<ExpectedWaits> | null = null;
  let readAt = 0;

  async function read(): Promise<ExpectedWaits> {
    const [views, { rows }, speeds] = await Promise.all([
      nodes.views({ query: async (text, values) => (await pool.query(text, [...(values ?? [])])).rows }),
      pool.query<Backlog>(selectBacklogs),
      nodes.speeds(),
    ]);
    return (model) => expectedWait(model, views, rows, speeds);
  }

  return (): Promise<ExpectedWaits> => {
    if (!latest || performance.now() - readAt > FRESH_MS) {
      readAt = performance.now();
      latest = read();
      latest.catch(() => {
        latest = null;
      });
    }
    return latest;
  };
}
