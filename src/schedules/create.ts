import { createHash } from 'node:crypto';
import type { Artifacts } from '../artifacts/index.ts';
import type { Database, Schedule, Transaction } from '../database/index.ts';
import { InvalidInputError, QuotaExceededError } from '../errors.ts';
import { newId } from '../ids.ts';
import type { Nodes } from '../nodes/index.ts';
import { prepareSubmission, type SubmissionRequest } from '../submission/index.ts';
import type { Submission } from '../tasks/index.ts';
import type { Webhooks } from '../webhooks/index.ts';
import { checkTiming, issuesOf, onceOnly, type Timing } from './check.ts';
import { repeated } from './types.ts';

export interface NewSchedule extends Timing {
  /** What is to be submitted each time, and whose the schedule is. */
  readonly request: SubmissionRequest;
}

export interface CreateServices {
  readonly database: Database;
  readonly artifacts: Artifacts;
  readonly nodes: Pick<Nodes, 'models'>;
  readonly webhooks: Pick<Webhooks, 'urlProblem'>;
}

/** Of one user. */
const MAX_SCHEDULES = 100;

const selectByName = 'SELECT id, hash FROM schedule WHERE user_id = $1 AND name = $2';
const count = 'SELECT count(*)::int AS count FROM schedule WHERE user_id = $1';
const insert = `
  INSERT INTO schedule (id, user_id, name, cron, time_zone, submission, hash, next_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`;
const insertArtifacts = `
  INSERT INTO schedule_artifact (schedule_id, artifact_id) SELECT $1, unnest($2::uuid[])`;

interface Checked {
  readonly timing: Timing;
  readonly firstAt: Date;
  readonly submission: Submission;
}

/** @throws InvalidInputError with all that is wrong; NoSuchModelError */
async function checkAll(
  { database, artifacts, nodes, webhooks }: CreateServices,
  given: NewSchedule,
): Promise<Checked> {
  const now = database.clock.now();
  const { request, ...timing } = given;
  const checked = checkTiming(timing, now);
  const task = await issuesOf('task', async () => {
    const issues = onceOnly(request.options);
    if (issues.length > 0) throw new InvalidInputError(issues);
    return prepareSubmission({ database, artifacts, webhooks }, request);
  });
  if (!checked.isValid || 'issues' in task) {
    throw new InvalidInputError([
      ...(checked.isValid ? [] : checked.issues),
      ...('issues' in task ? task.issues : []),
    ]);
  }
  await nodes.models.choose(task.value.kind, task.value.model);
  const first = checked.calendar.next(now.getTime());
  if (first === null) throw new Error('a calendar lost its first time');
  return { timing: checked.timing, firstAt: new Date(first), submission: task.value };
}

function hashOf({ cron, timeZone }: Timing, { inputHash }: Submission): Buffer {
  return createHash('sha256')
    .update(JSON.stringify([cron, timeZone]))
    .update(inputHash)
    .digest();
}

/** @returns the id of the schedule: a new one, or the one that is there and is the same */
async function write(tx: Transaction, { timing, firstAt, submission }: Checked): Promise<string> {
  const { userId, artifactIds } = submission;
  const { name, cron, timeZone } = timing;
  // One at a time for a user, so that names and the limit are exact.
  await tx.query('SELECT FROM user_account WHERE id = $1 FOR NO KEY UPDATE', [userId]);
  const hash = hashOf(timing, submission);
  const [same] = await tx.query<{ id: string; hash: Buffer }>(selectByName, [userId, name]);
  if (same?.hash.equals(hash)) return same.id;
  if (same) {
    const message = 'you have another schedule of this name: delete that first, or choose another name';
    throw new InvalidInputError([{ path: 'name', message }]);
  }
  const [existing] = await tx.query<{ count: number }>(count, [userId]);
  if ((existing?.count ?? 0) >= MAX_SCHEDULES) {
    const message = `a user has at most ${MAX_SCHEDULES} schedules; delete one first`;
    throw new QuotaExceededError(message, MAX_SCHEDULES);
  }
  const id = newId();
  const stored = JSON.stringify(repeated(submission));
  await tx.query(insert, [id, userId, name, cron, timeZone, stored, hash, firstAt]);
  if (artifactIds.length > 0) await tx.query(insertArtifacts, [id, artifactIds]);
  return id;
}

/**
 * Makes a schedule; the same once more is the same schedule, as it is by now.
 * @throws InvalidInputError with all that is wrong, and for a name that another schedule of the user has;
 * NoSuchModelError; QuotaExceededError
 */
export async function createSchedule(services: CreateServices, given: NewSchedule): Promise<Schedule> {
  const { lanes, prisma } = services.database;
  const checked = await checkAll(services, given);
  const id = await lanes.transact((tx) => write(tx, checked));
  return prisma.schedule.findUniqueOrThrow({ where: { id } });
}
