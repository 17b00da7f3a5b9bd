import type { TaskStatus, Transaction } from '../database/index.ts';
import type { Change } from './apply.ts';
import type { Entering, Waiting } from './enqueue.ts';
import { dependencyFailed } from './failures.ts';

/** A task that others may wait for, and that ends. */
export interface Parent {
  readonly id: string;
  /** It failed or was canceled: whatever depends on it falls with it. */
  readonly falls: boolean;
}

/** A task that waits for others. */
export interface Blocked extends Waiting {
  readonly attempt: number;
  /** Its start time has not come either. */
  readonly isEarly: boolean;
}

// Ids of children are above those of their parents: in their order each is locked before what is below it.
const lock = `
  WITH RECURSIVE below (id, falls) AS (
    SELECT d.child_id, p.falls
    FROM unnest($1::uuid[], $2::boolean[]) AS p (id, falls) JOIN task_dependency d ON d.parent_id = p.id
    UNION
    SELECT d.child_id, true FROM below b JOIN task_dependency d ON d.parent_id = b.id WHERE b.falls
  )
  SELECT t.id, t.user_id AS "userId", t.queue_id AS "queueId", t.cost, t.priority, u.tier, t.attempt,
         coalesce(t.start_at > now(), false) AS "isEarly"
  FROM (SELECT DISTINCT id FROM below) b JOIN task t ON t.id = b.id JOIN user_account u ON u.id = t.user_id
  WHERE t.status = 'BLOCKED' ORDER BY t.id FOR UPDATE OF t`;

/**
 * Locks the tasks that wait for these: the children of those that succeed, and of those that fall everything
 * below. Whoever adds a child has its parents locked: so ask when they are locked here.
 */
export async function lockBelow(tx: Transaction, parents: readonly Parent[]): Promise<Blocked[]> {
  if (parents.length === 0) return [];
  return tx.query<Blocked & Record<string, unknown>>(lock, [
    parents.map(({ id }) => id),
    parents.map(({ falls }) => falls),
  ]);
}

const lockWith = `
  WITH RECURSIVE below (id) AS (
    SELECT unnest($1::uuid[])
    UNION
    SELECT d.child_id FROM below b JOIN task_dependency d ON d.parent_id = b.id
  )
  SELECT FROM below b JOIN task t ON t.id = b.id WHERE t.status = 'BLOCKED' ORDER BY t.id FOR UPDATE OF t`;

/**
 * Locks those of the tasks that wait for others, and whatever does so below any of them: where several that wait
 * end at once, one may be below another.
 */
export function lockWithBelow(tx: Transaction, ids: readonly string[]): void {
  void tx.query(lockWith, [ids]);
}

/** That a task depends on another. */
export interface Edge {
  readonly childId: string;
  readonly parentId: string;
  /** Null: the parent was deleted. */
  readonly status: TaskStatus | null;
}

const selectEdges = `
  SELECT d.child_id AS "childId", d.parent_id AS "parentId", p.status
  FROM task_dependency d LEFT JOIN task p ON p.id = d.parent_id
  WHERE d.child_id = ANY ($1::uuid[]) ORDER BY d.child_id, d.parent_id`;

/** What these tasks depend on, as it is now. */
export async function readEdges(tx: Transaction, childIds: readonly string[]): Promise<Edge[]> {
  return tx.query<Edge & Record<string, unknown>>(selectEdges, [childIds]);
}

/** Why a task can't run any more: this one of those that it depends on did not succeed. */
export interface Cause {
  readonly id: string;
  readonly status: 'FAILED' | 'CANCELED';
}

/** What becomes of tasks that wait for others. */
export interface Decision {
  readonly ready: ReadonlySet<string>;
  readonly fallen: ReadonlyMap<string, Cause>;
}

/**
 * Decides who of the waiting is ready, since all its parents have succeeded, and who falls, since one of them
 * did not or falls itself; the others go on waiting. What was deleted holds nobody up.
 * @param ids parents before children
 */
export function decide(ids: readonly string[], edges: readonly Edge[]): Decision {
  const parents = Map.groupBy(edges, ({ childId }) => childId);
  const ready = new Set<string>();
  const fallen = new Map<string, Cause>();
  const causeOf = ({ parentId, status }: Edge): Cause | undefined =>
    fallen.get(parentId) ??
    (status === 'FAILED' || status === 'CANCELED' ? { id: parentId, status } : undefined);
  for (const id of ids) {
    const own = parents.get(id) ?? [];
    const cause = own.map(causeOf).find((one) => one !== undefined);
    if (cause) fallen.set(id, cause);
    else if (own.every(({ status }) => status === null || status === 'SUCCEEDED')) ready.add(id);
  }
  return { ready, fallen };
}

/** What follows for those below tasks that end. */
export interface Following {
  readonly changes: readonly Change[];
  readonly released: readonly Entering[];
}

function followingOf(blocked: readonly Blocked[], { ready, fallen }: Decision): Following {
  const free = blocked.filter(({ id }) => ready.has(id));
  const early = free.filter(({ isEarly }) => isEarly);
  return {
    changes: [
      ...blocked.flatMap(({ id, attempt }): Change[] => {
        const cause = fallen.get(id);
        if (!cause) return [];
        return [{ taskId: id, event: 'FAILED', jobId: null, error: dependencyFailed(attempt, cause) }];
      }),
      ...early.map(({ id }): Change => ({ taskId: id, event: 'RELEASED', to: 'SCHEDULED', jobId: null })),
    ],
    released: free.flatMap((task) => (task.isEarly ? [] : { ...task, event: 'RELEASED' })),
  };
}

/**
 * What the end of tasks means for those that wait for them, which are locked until all of them are.
 * @param first what {@link lockBelow} has locked by now
 */
export async function followDown(
  tx: Transaction,
  parents: readonly Parent[],
  first: readonly Blocked[],
): Promise<Following> {
  let blocked = first;
  while (blocked.length > 0) {
    const ids = blocked.map(({ id }) => id);
    // Something may have been added below one of them before it was locked.
    const [again, edges] = await Promise.all([lockBelow(tx, parents), readEdges(tx, ids)]);
    if (again.length <= blocked.length) return followingOf(blocked, decide(ids, edges));
    blocked = again;
  }
  return { changes: [], released: [] };
}
