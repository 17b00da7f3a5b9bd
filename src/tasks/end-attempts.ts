import type { Transaction } from '../database/index.ts';
import type { JobAttempt, QueueRow, Sent } from '../queue/index.ts';
import { type Change, type Changed, change } from './change.ts';
import type { Core } from './core.ts';
import type { AttemptEnd } from './types.ts';
import { judge, readTries, type Tries, type Verdict } from './verdict.ts';

/** A running attempt, and how it ended. */
export interface EndedAttempt {
  readonly taskId: string;
  readonly attempt: number;
  readonly queue: QueueRow;
  /** As it was fetched. */
  readonly job: JobAttempt;
  readonly end: AttemptEnd;
  /** Left out: the time since it started. */
  readonly gpuMs?: number;
  /** Its task is not tried again sooner, whatever the failure says. */
  readonly retryAfterMs?: number;
}

interface Judged extends EndedAttempt {
  /** Null: it succeeded. */
  readonly verdict: Verdict | null;
}

function toChange({ taskId, attempt, job, end, gpuMs, verdict }: Judged): Change {
  const fenced = { taskId, attempt, ...(gpuMs === undefined ? {} : { gpuMs }) };
  if (end.type === 'succeeded') {
    const { result, artifactIds } = end;
    return { ...fenced, event: 'SUCCEEDED', outcome: 'SUCCEEDED', jobId: null, result, artifactIds };
  }
  const { outcome, error, spendsAttempt } = end;
  if (verdict?.type === 'again') {
    return { ...fenced, event: 'RETRYING', outcome, jobId: job.id, error, spendsAttempt };
  }
  return {
    ...fenced,
    event: 'FAILED',
    outcome,
    jobId: null,
    error: verdict?.error ?? error,
    attemptError: error,
  };
}

/** Ends the jobs of tasks that are through, and puts the others back where they were, due after their delay. */
async function settleJobs(
  { queue: boss }: Core,
  tx: Transaction,
  ended: readonly Judged[],
): Promise<Sent<unknown>[]> {
  const sent: Sent<unknown>[] = [];
  const byQueue = [...Map.groupBy(ended, ({ queue }) => queue.id)].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [, group] of byQueue) {
    const queue = group[0]?.queue;
    if (!queue) continue;
    const again = group.filter(({ verdict }) => verdict?.type === 'again');
    const through = group.filter(({ verdict }) => verdict?.type !== 'again');
    sent.push(
      await boss.complete(
        tx,
        queue,
        through.map(({ job }) => job),
      ),
    );
    sent.push(
      await boss.fail(
        tx,
        queue,
        again.map(({ job }) => job),
      ),
    );
    for (const { job, verdict } of again) {
      if (verdict?.type === 'again' && verdict.delaySeconds > 0) {
        sent.push(await boss.delay(tx, queue, job.id, verdict.delaySeconds));
      }
    }
  }
  return sent;
}

function judgeOne(ended: EndedAttempt, tries: ReadonlyMap<string, Tries>): Judged[] {
  const { end, taskId, retryAfterMs } = ended;
  if (end.type === 'succeeded') return [{ ...ended, verdict: null }];
  const known = tries.get(taskId);
  // Deleted: it was canceled before.
  return known ? [{ ...ended, verdict: judge(end, known, retryAfterMs) }] : [];
}

/**
 * Ends those of the attempts that still run, job before task; what comes too late changes nothing.
 * @returns the tasks that changed
 */
export async function endAttempts(
  core: Core,
  tx: Transaction,
  attempts: readonly EndedAttempt[],
): Promise<Changed[]> {
  const failed = attempts.filter(({ end }) => end.type === 'failed');
  const tries = await readTries(
    tx,
    failed.map(({ taskId }) => taskId),
  );
  const judged = attempts.flatMap((ended) => judgeOne(ended, tries));
  const sent = await settleJobs(core, tx, judged);
  const changed = await change(core, tx, judged.map(toChange));
  await Promise.all(sent.map(({ answer }) => answer));
  const verdicts = new Map(judged.map(({ taskId, verdict }) => [taskId, verdict]));
  return changed.map((task) => {
    const verdict = verdicts.get(task.taskId);
    return verdict?.type === 'again' ? { ...task, dueInMs: verdict.delaySeconds * 1000 } : task;
  });
}
