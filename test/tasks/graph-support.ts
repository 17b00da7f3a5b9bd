import { createHash } from 'node:crypto';
import { newId } from '../../src/ids.ts';
import type { BatchSubmission, Submission } from '../../src/tasks/index.ts';
import { failure, finish, type Process, submission, success, type Yard } from '../support/yard.ts';

export interface GraphOptions {
  readonly model?: string;
  readonly idempotencyKey?: string;
  /** By the task's place. */
  readonly changes?: Readonly<Record<number, Partial<Submission>>>;
}

/** A batch whose tasks depend on earlier ones, which are told by their places. */
export function graph(
  userId: string,
  parents: readonly (readonly number[])[],
  { model = 'fox', idempotencyKey, changes = {} }: GraphOptions = {},
): BatchSubmission & { readonly ids: string[] } {
  const ids = parents.map(() => newId());
  return {
    userId,
    ids,
    idempotencyKey: idempotencyKey ?? null,
    inputHash: createHash('sha256').update(JSON.stringify(parents)).digest(),
    tasks: parents.map((places, n) => ({
      taskId: ids[n] ?? '',
      ref: `t${n}`,
      submission: submission(userId, {
        model,
        dependsOn: places.map((place) => ids[place] ?? ''),
        ...changes[n],
      }),
    })),
  };
}

/** What the tasks are, in the order of the ids. */
export async function statuses({ sql }: Pick<Yard, 'sql'>, ids: readonly string[]): Promise<string[]> {
  const rows = await sql<{ id: string; status: string }>(
    'SELECT id, status FROM task WHERE id = ANY ($1::uuid[])',
    [ids],
  );
  const byId = new Map(rows.map(({ id, status }) => [id, status]));
  return ids.map((id) => byId.get(id) ?? 'GONE');
}

/** Runs whatever can be claimed until nothing can: those of `failing` fail for good. Answers in which order. */
export async function runAll(
  { tasks, workerId }: Process,
  failing: ReadonlySet<string> = new Set(),
): Promise<string[]> {
  const order: string[] = [];
  for (;;) {
    const claimed = await tasks.claim({ workerId, limit: 100 });
    if (claimed.length === 0) return order;
    await Promise.all(
      claimed.map((one) => {
        order.push(one.lease.taskId);
        const fails = failing.has(one.lease.taskId);
        return finish(tasks, fails ? failure(one, { retryable: false }) : success(one));
      }),
    );
  }
}

/** As {@link runAll}, with one claim only: the ids of what ran. */
export async function runOnce({ tasks, workerId }: Process, fail = false): Promise<string[]> {
  const claimed = await tasks.claim({ workerId, limit: 100 });
  await Promise.all(
    claimed.map((one) => finish(tasks, fail ? failure(one, { retryable: false }) : success(one))),
  );
  return claimed.map(({ lease }) => lease.taskId);
}
