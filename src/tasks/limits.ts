import type { Tiers } from '../accounts/index.ts';
import type { Tier, Transaction } from '../database/index.ts';
import { kindOf } from '../kinds/index.ts';
import type { LimitsView } from '../nodes/index.ts';

/** How many tasks run at once in the whole system. */
export interface ConcurrencyLimits {
  /** By kind; what is left out has none. */
  readonly kinds: Readonly<Partial<Record<string, number>>>;
  /** By the model's name, whatever the kind. */
  readonly models: Readonly<Record<string, number>>;
}

/** What runs of a user, a kind and a model. */
export interface Running {
  readonly userId: string;
  readonly tier: Tier;
  readonly kind: string;
  readonly model: string;
  readonly tasks: number;
  /** Expected of these tasks, all together. */
  readonly seconds: number;
}

// Attempts whose slots are free already count, as their results are being stored; and so do slots whose nodes
// still work for a task that was canceled.
const selectRunning = `
  SELECT t.user_id AS "userId", u.tier, t.kind, t.model, count(*)::int AS tasks,
         sum(t.charged_seconds)::float8 AS seconds
  FROM (
    SELECT task_id, number FROM task_attempt WHERE outcome = 'RUNNING'
    UNION SELECT task_id, attempt FROM slot WHERE task_id IS NOT NULL
  ) r JOIN task t ON t.id = r.task_id JOIN user_account u ON u.id = t.user_id
  GROUP BY t.user_id, u.tier, t.kind, t.model`;

/** All that runs. Under the lock of the claims it grows no more: what is judged by it holds exactly. */
export function readRunning(tx: Transaction): Promise<Running[]> {
  return tx.query<Running & Record<string, unknown>>(selectRunning);
}

/** Sums what runs by what `key` answers. */
function tasksBy(running: readonly Running[], key: (one: Running) => string): Map<string, number> {
  const sums = new Map<string, number>();
  for (const one of running) sums.set(key(one), (sums.get(key(one)) ?? 0) + one.tasks);
  return sums;
}

function left(
  limits: Readonly<Partial<Record<string, number>>>,
  running: ReadonlyMap<string, number>,
): Map<string, number> {
  return new Map(
    Object.entries(limits).flatMap(([name, limit]) =>
      limit === undefined ? [] : [[name, Math.max(0, limit - (running.get(name) ?? 0))] as const],
    ),
  );
}

const lower = (a: number, b: number | undefined): number => (b === undefined ? a : Math.min(a, b));

export interface Room {
  readonly limits: ConcurrencyLimits;
  /** How many more of a kind the worker itself takes; what is left out has no limit. */
  readonly workerKinds: ReadonlyMap<string, number>;
}

/** How many more may start of each kind and model. */
export function modelRoom(running: readonly Running[], { limits, workerKinds }: Room): LimitsView {
  const kinds = left(
    limits.kinds,
    tasksBy(running, ({ kind }) => kind),
  );
  for (const [kind, room] of workerKinds) kinds.set(kind, lower(room, kinds.get(kind)));
  const models = left(
    limits.models,
    tasksBy(running, ({ model }) => model),
  );
  return { kinds, models };
}

/** What a task does that waits for others of its user must not keep them from running. */
const tasksByUser = (running: readonly Running[]): Map<string, number> =>
  tasksBy(
    running.filter(({ kind }) => !kindOf(kind).isBuiltIn),
    ({ userId }) => userId,
  );

/** Users of whose tasks as many run as their tiers allow. */
export function fullUsers(running: readonly Running[], tiers: Tiers): string[] {
  const tasks = tasksByUser(running);
  return running
    .filter(({ userId, tier }) => (tasks.get(userId) ?? 0) >= (tiers[tier].concurrency ?? Infinity))
    .map(({ userId }) => userId);
}

const selectTiers = 'SELECT id, tier FROM user_account WHERE id = ANY ($1::uuid[])';

/** How many more may start of each of these users whose tier has a limit. */
export async function userRoom(
  tx: Transaction,
  running: readonly Running[],
  { tiers, userIds }: { readonly tiers: Tiers; readonly userIds: readonly string[] },
): Promise<Map<string, number>> {
  const rows = await tx.query<{ id: string; tier: Tier }>(selectTiers, [userIds]);
  const tasks = tasksByUser(running);
  return new Map(
    rows.flatMap(({ id, tier }) => {
      const { concurrency } = tiers[tier];
      return concurrency === null ? [] : [[id, Math.max(0, concurrency - (tasks.get(id) ?? 0))] as const];
    }),
  );
}
