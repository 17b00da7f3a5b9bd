import type { TaskData, TaskPriority, TaskStatus, Transaction } from '../database/index.ts';
import { randomId } from '../ids.ts';
import { kindOf } from '../kinds/index.ts';
import { type Entry, findByKey, type Verdict } from './admission.ts';
import type { Core } from './core.ts';
import { book } from './counts.ts';
import { type Charge, chargeShares, placeOf } from './fair/index.ts';
import { lowered } from './priority.ts';
import type { Submission, Submitted } from './types.ts';

// Rows of one user's keys in order, so that groups with the same keys wait for each other in one order only.
const insert = `
  WITH given AS (
    SELECT *, (CASE WHEN is_blocked THEN 'BLOCKED' WHEN start_at > now() THEN 'SCHEDULED' ELSE 'QUEUED' END)::task_status
      AS first_status
    FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[],
      $7::task_priority[], $8::int[], $9::int[], $10::float8[], $11::uuid[], $12::text[], $13::timestamptz[],
      $14::timestamptz[], $15::jsonb[], $16::jsonb[], $17::bytea[], $18::text[], $19::float8[],
      $20::uuid[], $21::jsonb[], $22::boolean[])
    AS g (id, user_id, queue_id, kind, model, priority, max_attempts, timeout_ms, cost, job_id, key, start_at,
      deadline, input, labels, input_hash, artifact_ids, charged_seconds, webhook_id, texts, is_blocked)
  ), won AS (
    INSERT INTO task (id, user_id, queue_id, kind, model, status, priority, max_attempts, timeout_ms, cost, job_id,
      idempotency_key, start_at, deadline, charged_seconds)
    SELECT id, user_id, queue_id, kind, model, first_status, priority, max_attempts, timeout_ms, cost,
      CASE WHEN first_status = 'QUEUED' THEN job_id END, key, start_at, deadline, charged_seconds
    FROM given ORDER BY user_id, key, id
    ON CONFLICT DO NOTHING RETURNING id, user_id, queue_id, status, created_at
  ), data AS (
    INSERT INTO task_data (task_id, input, labels, input_hash, texts)
    SELECT id, input, labels, input_hash, texts FROM given JOIN won USING (id)
  ), event AS (
    INSERT INTO task_event (task_id, version, type, status, attempt)
    SELECT id, 1, 'SUBMITTED', status, 0 FROM won
  ), used AS (
    INSERT INTO task_artifact (task_id, artifact_id)
    SELECT id, artifact_id FROM given JOIN won USING (id), unnest(artifact_ids::uuid[]) AS artifact_id
  ), told AS (
    INSERT INTO task_webhook (task_id, webhook_id)
    SELECT id, webhook_id FROM given JOIN won USING (id) WHERE webhook_id IS NOT NULL
  ), counted AS (${book('won', '$1', { queued: "(status = 'QUEUED')::int", scheduled: "(status <> 'QUEUED')::int" })}
  )
  SELECT id, status, created_at AS "createdAt" FROM won`;

type WrittenTask = NonNullable<Submitted['written']>;

interface WonRow {
  readonly [column: string]: unknown;
  readonly id: string;
  readonly status: TaskStatus;
  readonly createdAt: Date;
}

interface Given {
  readonly entries: readonly Entry[];
  readonly charges: readonly Charge[];
  readonly blocked: ReadonlySet<string>;
}

function insertTasks(tx: Transaction, shard: number, { entries, charges, blocked }: Given) {
  const column = <T>(of: (submission: Submission, entry: Entry) => T): T[] =>
    entries.map((entry) => of(entry.submission, entry));
  return tx.query<WonRow>(insert, [
    shard,
    column((_, { taskId }) => taskId),
    column(({ userId }) => userId),
    column((_, { queue }) => queue.id),
    column(({ kind }) => kind),
    column((_, { queue }) => queue.model),
    column(priorityOf),
    column(({ maxAttempts }) => maxAttempts),
    column(timeoutOf),
    column(costOf),
    charges.map(({ jobId }) => jobId),
    column(({ idempotencyKey }) => idempotencyKey),
    column(({ startAt }) => startAt),
    column(({ deadline }) => deadline),
    column(({ input }) => JSON.stringify(input)),
    column(({ labels }) => (labels === null ? null : JSON.stringify(labels))),
    column(({ inputHash }) => inputHash),
    column(({ artifactIds }) => `{${artifactIds.join(',')}}`),
    charges.map(({ seconds }) => seconds),
    column((_, { webhookId }) => webhookId ?? null),
    column(({ texts }) => (texts ? JSON.stringify(texts) : null)),
    column((_, { taskId }) => blocked.has(taskId)),
  ]);
}

const costOf = ({ kind, input }: Submission): number => kindOf(kind).cost(input);

const timeoutOf = ({ kind, timeoutMs }: Submission): number => timeoutMs ?? kindOf(kind).timeoutMs;

const priorityOf = ({ priority }: Submission, { limits }: Entry): TaskPriority =>
  lowered(priority, limits.maxPriority);

/** The row of an entry, without reading it. */
function writtenTask(entry: Entry, { status, createdAt }: WonRow, { jobId, seconds }: Charge): WrittenTask {
  const { taskId, submission, queue } = entry;
  const { userId, kind, maxAttempts, idempotencyKey, startAt, deadline, input, labels, texts } = submission;
  return {
    ...{ id: taskId, userId, queueId: queue.id, kind, model: queue.model, status },
    ...{ priority: priorityOf(submission, entry), version: 1, attempt: 0, maxAttempts, attemptBase: 0 },
    ...{ timeoutMs: timeoutOf(submission), cost: costOf(submission), idempotencyKey, startAt, deadline },
    jobId: status === 'QUEUED' ? jobId : null,
    ...{ nodeId: null, progress: null, progressMessage: null, gpuMs: 0n, chargedSeconds: seconds },
    ...{ createdAt, startedAt: null, finishedAt: null, updatedAt: createdAt },
    data: {
      taskId,
      // What a kind's schema answers is JSON.
      input: input as TaskData['input'],
      labels: labels === null ? null : { ...labels },
      ...{
        result: null,
        error: null,
        texts: texts ? { ...texts } : null,
        inputHash: new Uint8Array(submission.inputHash),
      },
    },
  };
}

/** What each entry's user is charged with, once it is queued. */
function toCharge({ shares }: Core, entry: Entry): Charge {
  const { taskId, submission, queue, limits } = entry;
  return {
    ...{ taskId, jobId: randomId(), userId: submission.userId, queueId: queue.id },
    priority: priorityOf(submission, entry),
    seconds: shares.expect(queue, costOf(submission)),
    weight: limits.weight,
  };
}

interface Due {
  readonly entry: Entry;
  readonly charge: Charge;
}

/** Jobs for the entries that are due, a statement for each queue. */
async function insertJobs(
  { queue }: Core,
  tx: Transaction,
  due: readonly Due[],
  tags: ReadonlyMap<string, number>,
): Promise<void> {
  for (const group of Map.groupBy(due, ({ entry }) => entry.queue).values()) {
    const jobs = group.map(({ entry: { taskId, submission }, charge: { jobId, priority } }) => ({
      ...{ id: jobId, taskId, userId: submission.userId, cost: costOf(submission), taskPriority: priority },
      priority: placeOf(tags.get(taskId) ?? 0, priority),
      ...(submission.trace === undefined ? {} : { trace: submission.trace }),
    }));
    const row = group[0]?.entry.queue;
    // A job that is not inserted fails the commit, which need not wait for the answer.
    if (row) (await queue.insert(tx, row, jobs)).answer.catch(() => undefined);
  }
}

export interface Written {
  readonly verdicts: Map<Entry, Verdict>;
  /** Those that this made. */
  readonly tasks: readonly { readonly entry: Entry; readonly task: WrittenTask }[];
}

/** Some of a group may not be written. */
export class NotAdmittedError extends Error {
  override readonly name = 'NotAdmittedError';

  constructor() {
    super('some submissions of the group were not admitted');
  }
}

/**
 * One transaction: all that win are written with all that belongs to them, the others told whose task it is.
 * @param admitted is waited for before anything of it can be seen
 * @throws NotAdmittedError where there is a verdict on one of the entries
 */
export function writeSubmissions(
  core: Core,
  entries: readonly Entry[],
  admitted: Promise<ReadonlyMap<Entry, Verdict>>,
): Promise<Written> {
  return core.database.lanes.transact((tx) => writeEntries(core, tx, { entries, admitted }));
}

export interface WriteOptions {
  readonly entries: readonly Entry[];
  readonly admitted: Promise<ReadonlyMap<Entry, Verdict>>;
  /** Ids of those that wait for other tasks first. */
  readonly blocked?: ReadonlySet<string>;
}

/** What {@link writeSubmissions} does, in a transaction of the caller's. */
export async function writeEntries(
  core: Core,
  tx: Transaction,
  { entries, admitted, blocked = new Set() }: WriteOptions,
): Promise<Written> {
  const charges = entries.map((entry) => toCharge(core, entry));
  const inserting = insertTasks(tx, core.shard(tx), { entries, charges, blocked });
  const charging = chargeShares(tx, charges);
  // What fails here fails whatever comes behind it, too.
  charging.catch(() => undefined);
  const known = await admitted;
  if (entries.some((entry) => known.has(entry))) throw new NotAdmittedError();
  const won = new Map((await inserting).map((row) => [row.id, row]));
  const tasks = entries.flatMap((entry, n) => {
    const [row, charge] = [won.get(entry.taskId), charges[n]];
    return row && charge ? [{ entry, charge, task: writtenTask(entry, row, charge) }] : [];
  });
  const due = tasks.filter(({ task }) => task.status === 'QUEUED');
  const tags = (await charging)(due.map(({ charge }) => charge));
  await insertJobs(core, tx, due, tags);
  const lost = entries.filter(({ taskId }) => !won.has(taskId));
  const verdicts = lost.length === 0 ? new Map<Entry, Verdict>() : await findLost(tx, lost);
  for (const { entry, task } of tasks) {
    verdicts.set(entry, { submitted: { taskId: entry.taskId, existing: false, written: task } });
  }
  return { verdicts, tasks };
}

/** Whose tasks stand where these could not be written: of the same key, or their own from a commit that was uncertain. */
async function findLost(tx: Transaction, lost: readonly Entry[]): Promise<Map<Entry, Verdict>> {
  const [verdicts, own] = await Promise.all([
    findByKey(tx, lost),
    tx.query<{ id: string }>('SELECT id FROM task WHERE id = ANY ($1::uuid[])', [
      lost.map(({ taskId }) => taskId),
    ]),
  ]);
  const ownIds = new Set(own.map(({ id }) => id));
  for (const entry of lost) {
    if (ownIds.has(entry.taskId)) {
      verdicts.set(entry, { submitted: { taskId: entry.taskId, existing: false } });
    }
  }
  return verdicts;
}
