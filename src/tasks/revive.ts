import type { TaskStatus, Transaction } from '../database/index.ts';
import { InvalidStateError, NotFoundError } from '../errors.ts';
import { encodeId } from '../ids.ts';
import type { Edge } from './dependents.ts';
import type { Waiting } from './enqueue.ts';
import { canFollow } from './lifecycle.ts';

/** A task that a retry concerns. */
export interface Relative extends Waiting {
  readonly status: TaskStatus;
  readonly isOverdue: boolean;
  /** Its start time has not come yet. */
  readonly isEarly: boolean;
  /** It failed since something that it depends on did not succeed. */
  readonly fell: boolean;
  /** One of the others depends on it, and that is all. */
  readonly isLookedAt: boolean;
}

const fellWith = (child: string): string => `
  JOIN task c ON c.id = ${child}.child_id AND c.status = 'FAILED'
  JOIN task_data x ON x.task_id = c.id AND x.error->>'code' = 'DEPENDENCY_FAILED'`;

// What may wait for others comes behind those who never do, as wherever tasks end; each in the order of ids.
const lock = `
  WITH RECURSIVE up (id) AS (
    SELECT unnest($1::uuid[])
    UNION
    SELECT d.parent_id FROM up JOIN task_dependency d ON d.child_id = up.id
    JOIN task p ON p.id = d.parent_id AND p.status IN ('FAILED', 'CANCELED')
  ), down (id) AS (
    SELECT d.child_id FROM up JOIN task_dependency d ON d.parent_id = up.id ${fellWith('d')}
    UNION
    SELECT d.child_id FROM down JOIN task_dependency d ON d.parent_id = down.id ${fellWith('d')}
  ), family (id) AS (
    SELECT id FROM up UNION SELECT id FROM down
  ), concerned (id, is_looked_at) AS (
    SELECT id, false FROM family
    UNION ALL
    SELECT DISTINCT d.parent_id, true FROM family f JOIN task_dependency d ON d.child_id = f.id
    WHERE d.parent_id NOT IN (SELECT id FROM family)
  )
  SELECT t.id, t.user_id AS "userId", t.queue_id AS "queueId", t.cost, t.priority, u.tier, t.status,
         t.status = 'FAILED' AND coalesce(x.error->>'code' = 'DEPENDENCY_FAILED', false) AS fell,
         n.is_looked_at AS "isLookedAt",
         coalesce(t.deadline <= now(), false) AS "isOverdue", coalesce(t.start_at > now(), false) AS "isEarly"
  FROM concerned n JOIN task t ON t.id = n.id JOIN user_account u ON u.id = t.user_id
  LEFT JOIN task_data x ON x.task_id = t.id
  ORDER BY t.status = 'BLOCKED', t.id FOR UPDATE OF t`;

/** Locks all that a retry of these tasks concerns, as far as it is known before; answers it as it is then. */
export async function lockRelatives(tx: Transaction, taskIds: readonly string[]): Promise<Relative[]> {
  return tx.query<Relative & Record<string, unknown>>(lock, [taskIds]);
}

/** Which tasks wait again: for a slot, for others, or for their start time. */
export interface Revival {
  readonly queued: readonly Waiting[];
  readonly blocked: readonly Waiting[];
  readonly early: readonly Waiting[];
}

/** Why tasks are left out of a retry, by their ids. */
export type Refusals = ReadonlyMap<string, NotFoundError | InvalidStateError>;

/** What keeps a task from being retried, whether that or one that depends on it is asked for. */
interface Obstacle {
  readonly at: Relative;
  /** @param which how the task is called for whoever asked */
  tell(which: string): string;
}

const isLost = (status: TaskStatus | null): boolean => status === 'FAILED' || status === 'CANCELED';

function obstacleOf(task: Relative, parents: readonly Edge[], once: ReadonlySet<string>): Obstacle | null {
  const at = (tell: Obstacle['tell']): Obstacle => ({ at: task, tell });
  if (!canFollow(task.status, 'RETRIED')) {
    return at(() => `only a task that failed or was canceled can be retried: it is ${task.status}`);
  }
  if (task.isOverdue) return at((which) => `the deadline of ${which} has passed`);
  if (parents.some(({ status }) => status === null))
    return at((which) => `something that ${which} depends on was deleted: submit it anew`);
  return once.has(task.id) ? at((which) => `${which} was retried, and failed again`) : null;
}

/** By task: its own obstacle, or the first one of those that would be retried with it. */
function obstaclesOf(family: readonly Relative[], parentsOf: ParentsOf, once: ReadonlySet<string>) {
  const obstacles = new Map<string, Obstacle>();
  for (const task of family) {
    const parents = parentsOf(task.id);
    const above = parents.map(({ parentId, status }) =>
      isLost(status) ? obstacles.get(parentId) : undefined,
    );
    const obstacle = above.find((one) => one !== undefined) ?? obstacleOf(task, parents, once);
    if (obstacle) obstacles.set(task.id, obstacle);
  }
  return obstacles;
}

type ParentsOf = (taskId: string) => readonly Edge[];

function refusalOf(taskId: string, { at, tell }: Obstacle): InvalidStateError {
  const which = at.id === taskId ? 'the task' : `${encodeId('Task', at.id)}, which the task depends on,`;
  return new InvalidStateError(tell(which), at.status);
}

/** These tasks, with all that they depend on and did not succeed. */
function withLostParents(taskIds: readonly string[], family: readonly Relative[], parentsOf: ParentsOf) {
  const all = new Set(taskIds);
  for (const { id } of family.toReversed()) {
    if (!all.has(id)) continue;
    for (const { parentId, status } of parentsOf(id)) if (isLost(status)) all.add(parentId);
  }
  return all;
}

/**
 * Decides what a retry of tasks comes to. Whatever they depend on and did not succeed is retried with them; and what
 * failed for nothing but one of these waits again, unless its own deadline has passed.
 * @param once what may not be retried again
 */
export function decideRetry(
  taskIds: readonly string[],
  relatives: readonly Relative[],
  edges: readonly Edge[],
  once: ReadonlySet<string> = new Set(),
): Revival & { readonly refused: Refusals } {
  const byChild = Map.groupBy(edges, ({ childId }) => childId);
  const parentsOf: ParentsOf = (id) => byChild.get(id) ?? [];
  // Parents before children.
  const family = relatives.filter(({ isLookedAt }) => !isLookedAt).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const known = new Set(family.map(({ id }) => id));
  const obstacles = obstaclesOf(family, parentsOf, once);
  const refused = new Map<string, NotFoundError | InvalidStateError>();
  for (const id of taskIds) {
    const obstacle = obstacles.get(id);
    if (obstacle) refused.set(id, refusalOf(id, obstacle));
    else if (!known.has(id)) refused.set(id, new NotFoundError('there is no such task'));
  }
  const asked = taskIds.filter((id) => !refused.has(id));
  return { ...revive(family, withLostParents(asked, family, parentsOf), parentsOf, once), refused };
}

function revive(
  family: readonly Relative[],
  retried: ReadonlySet<string>,
  parentsOf: ParentsOf,
  once: ReadonlySet<string>,
): Revival {
  const revived = new Set<string>();
  const [queued, blocked, early]: [Waiting[], Waiting[], Waiting[]] = [[], [], []];
  const goesOn = ({ parentId, status }: Edge): boolean =>
    revived.has(parentId) || (status !== null && !isLost(status));
  for (const task of family) {
    const parents = parentsOf(task.id);
    const follows = task.fell && !task.isOverdue && !once.has(task.id);
    const hasCause = parents.some(({ parentId }) => revived.has(parentId));
    if (!retried.has(task.id) && !(follows && hasCause && parents.every(goesOn))) continue;
    revived.add(task.id);
    const isFree = parents.every(({ status }) => status === 'SUCCEEDED');
    if (!isFree) blocked.push(task);
    else (task.isEarly ? early : queued).push(task);
  }
  return { queued, blocked, early };
}
