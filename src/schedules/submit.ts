import type { Database, Prisma, Tier } from '../database/index.ts';
import { CallerError, InvalidStateError, isLimit } from '../errors.ts';
import { kindOf } from '../kinds/index.ts';
import type { Log } from '../log.ts';
import type { Tasks } from '../tasks/index.ts';
import { valid } from '../validation.ts';
import { type RunError, repeatedOf, submissionOf } from './types.ts';

const MAX_GROUP = 100;
/** Before the next try, where that may help. */
const RETRY_S = 60;
/** For how long after its time, unless the next one has come by then. */
const GIVE_UP_S = 3_600;

interface DueRun {
  readonly taskId: string;
  readonly userId: string;
  readonly tier: Tier;
  readonly isDisabled: boolean;
  readonly isSubmitted: boolean;
  /** Whether it may still be tried again. */
  readonly isYoung: boolean;
  readonly submission: Prisma.JsonValue;
}

const selectDue = `
  SELECT r.task_id AS "taskId", s.user_id AS "userId", u.tier, u.disabled AS "isDisabled", s.submission,
         EXISTS (SELECT FROM task t WHERE t.id = r.task_id) AS "isSubmitted",
         r.at > now() - interval '${GIVE_UP_S} s'
           AND NOT EXISTS (SELECT FROM schedule_run later WHERE later.schedule_id = s.id AND later.at > r.at) AS "isYoung"
  FROM schedule_run r JOIN schedule s ON s.id = r.schedule_id JOIN user_account u ON u.id = s.user_id
  WHERE r.due_at <= now() ORDER BY r.due_at LIMIT ${MAX_GROUP}`;

// What is done stays so, whatever another process was told when it tried as well.
const settle = `
  UPDATE schedule_run r SET error = u.error, due_at = CASE WHEN u.again THEN now() + interval '${RETRY_S} s' END
  FROM unnest($1::uuid[], $2::jsonb[], $3::boolean[]) AS u (task_id, error, again)
  WHERE r.task_id = u.task_id AND r.due_at IS NOT NULL`;

interface Outcome {
  readonly taskId: string;
  /** Null: there is a task. */
  readonly error: RunError | null;
  readonly isTriedAgain: boolean;
}

const mayHelp = (error: unknown): boolean => !(error instanceof CallerError) || isLimit(error);

export function createRunSubmitter(options: {
  readonly database: Database;
  readonly tasks: Pick<Tasks, 'submit'>;
  readonly log: Log;
}) {
  const { database, tasks, log } = options;

  /** @throws CallerError for what its owner has to know */
  async function submit({ taskId, userId, tier, isDisabled, submission }: DueRun): Promise<void> {
    if (isDisabled) throw new InvalidStateError('the account is disabled', 'DISABLED');
    const repeated = repeatedOf({ submission });
    const { field, input: schema } = kindOf(repeated.kind);
    // What is accepted may have changed since the schedule was made.
    const input = valid(schema, repeated.input, `task.${field}`);
    await tasks.submit(submissionOf({ ...repeated, input }, userId, taskId), tier);
  }

  async function outcomeOf(run: DueRun): Promise<Outcome> {
    const { taskId } = run;
    try {
      // By a process that was lost before it could say so.
      if (!run.isSubmitted) await submit(run);
      return { taskId, error: null, isTriedAgain: false };
    } catch (error) {
      const isTriedAgain = run.isYoung && mayHelp(error);
      if (error instanceof CallerError) {
        return { taskId, error: { code: error.code, message: error.message }, isTriedAgain };
      }
      log.error({ err: error, taskId }, 'the task of a schedule could not be submitted');
      return { taskId, error: { code: null, message: 'something went wrong in the server' }, isTriedAgain };
    }
  }

  /**
   * Submits the tasks of the runs that have none yet. Their ids were chosen when the runs began, so that there is
   * one task for each, however many processes try, and wherever one of them is lost.
   * @returns how many have their tasks, and whether there may be more to do
   */
  return async function submitRuns(): Promise<{ submitted: number; hasMore: boolean }> {
    const { rows } = await database.pool.query<DueRun>(selectDue);
    if (rows.length === 0) return { submitted: 0, hasMore: false };
    const outcomes = await Promise.all(rows.map(outcomeOf));
    await database.pool.query(settle, [
      outcomes.map(({ taskId }) => taskId),
      outcomes.map(({ error }) => (error === null ? null : JSON.stringify(error))),
      outcomes.map(({ isTriedAgain }) => isTriedAgain),
    ]);
    const submitted = outcomes.filter(({ error }) => error === null).length;
    return { submitted, hasMore: rows.length === MAX_GROUP };
  };
}
