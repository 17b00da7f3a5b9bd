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
  /**
   * `retried`: the task itself, and what it depends on and did not succeed. `follows`: it failed for one of these
   * only. `looked-at`: one of them depends on it.
   */
  readonly role: 'retried' | 'follows' | 'looked-at';
}

const fellWith = (child: string): string => `
  JOIN task c ON c.id = ${child}.child_id AND c.status = 'FAILED'
  JOIN task_data x ON x.task_id = c.id AND x.error->>'code' = 'DEPENDENCY_FAILED'`;

// What may wait for others comes behind those who never do, as wherever tasks end; each in the order of ids.
const lock = `
  WITH RECURSIVE up (id) AS (
    SELECT $1::uuid
    UNION
    SELECT d.parent_id FROM up JOIN task_dependency d ON d.child_id = up.id
    JOIN task p ON p.id = d.parent_id AND p.status IN ('FAILED', 'CANCELED')
  ), down (id) AS (
    SELECT d.child_id FROM up JOIN task_dependency d ON d.parent_id = up.id ${fellWith('d')}
    UNION
    SELECT d.child_id FROM down JOIN task_dependency d ON d.parent_id = down.id ${fellWith('d')}
  ), family (id, role) AS (
    SELECT id, 'retried' FROM up
    UNION ALL SELECT id, 'follows' FROM down WHERE id NOT IN (SELECT id FROM up)
  ), concerned (id, role) AS (
    SELECT id, role FROM family
    UNION ALL
    SELECT DISTINCT d.parent_id, 'looked-at' FROM family f JOIN task_dependency d ON d.child_id = f.id
    WHERE d.parent_id NOT IN (SELECT id FROM family)
  )
  SELECT t.id, t.user_id AS "userId", t.queue_id AS "queueId", t.cost, t.priority, u.tier, t.status, n.role,
         coalesce(t.deadline <= now(), false) AS "isOverdue", coalesce(t.start_at > now(), false) AS "isEarly"
  FROM concerned n JOIN task t ON t.id = n.id JOIN user_account u ON u.id = t.user_id
  ORDER BY t.status = 'BLOCKED', t.id FOR UPDATE OF t`;

/** Locks all that a retry of this task concerns, as far as it is known before; answers it as it is then. */
export async function lockRelatives(tx: Transaction, taskId: string): Promise<Relative[]> {
  return tx.query<Relative & Record<string, unknown>>(lock, [taskId]);
}

/** Which tasks wait again: for a slot, for others, or for their start time. */
export interface Revival {
  readonly queued: readonly Waiting[];
  readonly blocked: readonly Waiting[];
  readonly early: readonly Waiting[];
}

function assertRetriable(
  taskId: string,
  { id, status, isOverdue }: Relative,
  parents: readonly Edge[],
): void {
  if (!canFollow(status, 'RETRIED')) {
    throw new InvalidStateError(
      `only a task that failed or was canceled can be retried: it is ${status}`,
      status,
    );
  }
  const which = id === taskId ? 'the task' : `${encodeId('Task', id)}, which the task depends on,`;
  if (isOverdue) throw new InvalidStateError(`the deadline of ${which} has passed`, status);
  if (parents.some((parent) => parent.status === null)) {
    throw new InvalidStateError(`something that ${which} depends on was deleted: submit it anew`, status);
  }
}

/**
 * Decides what a retry of a task comes to. Whatever it depends on and did not succeed is retried with it; and what
 * failed for nothing but one of these waits again, unless its own deadline has passed.
 * @throws NotFoundError, InvalidStateError
 */
export function decideRetry(taskId: string, relatives: readonly Relative[], edges: readonly Edge[]): Revival {
  if (!relatives.some(({ id }) => id === taskId)) throw new NotFoundError('there is no such task');
  const parentsOf = Map.groupBy(edges, ({ childId }) => childId);
  const revived = new Set<string>();
  const [queued, blocked, early]: [Waiting[], Waiting[], Waiting[]] = [[], [], []];
  const goesOn = ({ parentId, status }: Edge): boolean =>
    revived.has(parentId) || (status !== null && status !== 'FAILED' && status !== 'CANCELED');
  const family = relatives.filter(({ role }) => role !== 'looked-at');
  // Parents before children.
  for (const task of family.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
    const parents = parentsOf.get(task.id) ?? [];
    if (task.role === 'retried') assertRetriable(taskId, task, parents);
    if (task.isOverdue || !parents.every(goesOn)) continue;
    revived.add(task.id);
    const isFree = parents.every(({ status }) => status === 'SUCCEEDED');
    if (!isFree) blocked.push(task);
    else (task.isEarly ? early : queued).push(task);
  }
  return { queued, blocked, early };
}
