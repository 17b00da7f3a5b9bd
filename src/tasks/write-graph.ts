import type { TaskStatus, Transaction } from '../database/index.ts';
import { IdempotencyConflictError, InvalidInputError } from '../errors.ts';
import type { Entry } from './admission.ts';
import { type Changed, fallBelow } from './change.ts';
import type { Core } from './core.ts';
import type { Parent } from './dependents.ts';
import type { BatchSubmission, SubmittedBatch } from './types.ts';
import { type Written, writeEntries } from './write-submissions.ts';

/** A batch on its way into the database. */
export interface NewBatch extends Pick<BatchSubmission, 'userId' | 'idempotencyKey' | 'inputHash'> {
  /** Fixed at first: a batch that is written again after an uncertain commit is the same one. */
  readonly batchId: string;
  readonly refs: ReadonlyMap<string, string | null>;
}

const insertBatch = `
  INSERT INTO batch (id, user_id, idempotency_key, input_hash) VALUES ($1, $2, $3, $4)
  ON CONFLICT DO NOTHING RETURNING id`;

const selectBatch = `
  SELECT b.id, b.input_hash AS "inputHash",
         (SELECT task_id FROM batch_task WHERE batch_id = b.id ORDER BY task_id LIMIT 1) AS "firstTaskId"
  FROM batch b WHERE b.id = $1 OR b.user_id = $2 AND b.idempotency_key = $3`;

interface BatchRow {
  readonly [column: string]: unknown;
  readonly id: string;
  readonly inputHash: Buffer;
  readonly firstTaskId: string | null;
}

/**
 * The batch that has the id or the key; null where there is none.
 * @throws IdempotencyConflictError where another one has the key
 */
export async function findBatch(
  tx: Pick<Transaction, 'query'>,
  { batchId, userId, idempotencyKey, inputHash }: Omit<NewBatch, 'refs'>,
): Promise<SubmittedBatch | null> {
  const [row] = await tx.query<BatchRow>(selectBatch, [batchId, userId, idempotencyKey]);
  if (!row) return null;
  if (!row.inputHash.equals(inputHash))
    throw new IdempotencyConflictError(row.firstTaskId ?? row.id, 'batch');
  return { batchId: row.id, existing: row.id !== batchId };
}

// Whoever ends one of them waits, and sees its new children then. What may wait for others comes last, as always.
const lockParents = `
  SELECT id, status FROM task WHERE user_id = $1 AND id = ANY ($2::uuid[])
  ORDER BY status = 'BLOCKED', id FOR SHARE`;

interface ParentRow {
  readonly [column: string]: unknown;
  readonly id: string;
  readonly status: TaskStatus;
}

async function lockOthers(
  tx: Transaction,
  entries: readonly Entry[],
): Promise<ReadonlyMap<string, TaskStatus>> {
  const own = new Set(entries.map(({ taskId }) => taskId));
  const named = entries.flatMap(({ submission }) => submission.dependsOn ?? []);
  const others = [...new Set(named.filter((id) => !own.has(id)))];
  if (others.length === 0) return new Map();
  const rows = await tx.query<ParentRow>(lockParents, [entries[0]?.submission.userId, others]);
  if (rows.length < others.length) {
    throw new InvalidInputError([{ path: 'dependsOn', message: 'names a task that was deleted meanwhile' }]);
  }
  return new Map(rows.map(({ id, status }) => [id, status]));
}

const insertEdges = `
  INSERT INTO task_dependency (child_id, parent_id) SELECT * FROM unnest($1::uuid[], $2::uuid[])`;

const insertMembers = `
  INSERT INTO batch_task (batch_id, task_id, ref) SELECT $1, * FROM unnest($2::uuid[], $3::text[])`;

function writeEdges(tx: Transaction, tasks: Written['tasks']): void {
  const edges = tasks.flatMap(({ entry: { taskId, submission } }) =>
    (submission.dependsOn ?? []).map((parentId) => ({ taskId, parentId })),
  );
  if (edges.length === 0) return;
  void tx.query(insertEdges, [edges.map(({ taskId }) => taskId), edges.map(({ parentId }) => parentId)]);
}

function writeMembers(tx: Transaction, { batchId, refs }: NewBatch): void {
  void tx.query(insertMembers, [batchId, [...refs.keys()], [...refs.values()]]);
}

/** What became of tasks that depend on others. */
export interface WrittenGraph extends Written {
  /** The batch that is there, whoever made it. */
  readonly batch: SubmittedBatch | null;
  /** Those that could never run, since something that they depend on had not succeeded. */
  readonly fallen: readonly Changed[];
}

export interface Graph {
  /** All of one user, and admitted. */
  readonly entries: readonly Entry[];
  readonly batch: NewBatch | null;
}

/**
 * Writes tasks that depend on each other or on earlier ones, in one transaction. A batch's own row comes first,
 * while nothing else is held, since only who has the same key waits for it; then the parents, and what is new.
 * @throws InvalidInputError where a parent is gone; IdempotencyConflictError
 */
export function writeGraph(core: Core, { entries, batch }: Graph): Promise<WrittenGraph> {
  return core.database.lanes.transact(async (tx) => {
    if (batch) {
      const made = await tx.query(insertBatch, [
        ...[batch.batchId, batch.userId, batch.idempotencyKey, batch.inputHash],
      ]);
      if (made.length === 0) {
        return { verdicts: new Map(), tasks: [], batch: await findBatch(tx, batch), fallen: [] };
      }
    }
    const others = await lockOthers(tx, entries);
    const isOpen = (id: string): boolean => others.get(id) !== 'SUCCEEDED';
    const blocked = new Set(
      entries.flatMap(({ taskId, submission }) => (submission.dependsOn?.some(isOpen) ? taskId : [])),
    );
    const admitted = Promise.resolve(new Map());
    const written = await writeEntries(core, tx, { entries, admitted, blocked });
    writeEdges(tx, written.tasks);
    if (batch) writeMembers(tx, batch);
    const lost = [...others].flatMap(([id, status]): Parent[] =>
      status === 'FAILED' || status === 'CANCELED' ? [{ id, falls: true }] : [],
    );
    const fallen = await fallBelow(core, tx, lost);
    return { ...written, batch: batch && { batchId: batch.batchId, existing: false }, fallen };
  });
}
