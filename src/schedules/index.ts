import type { Artifacts } from '../artifacts/index.ts';
import type { Database, Schedule, ScheduleRun, Task } from '../database/index.ts';
import { NotFoundError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Nodes } from '../nodes/index.ts';
import type { Tasks } from '../tasks/index.ts';
import type { Webhooks } from '../webhooks/index.ts';
import { createCalendar, timesAfter } from './calendar.ts';
import { createSchedule, type NewSchedule } from './create.ts';
import { beginRuns } from './due.ts';
import { forgetOldRuns, type HistoryRequest, runsOf, tasksOf } from './history.ts';
import { createRunSubmitter } from './submit.ts';

export type { NewSchedule } from './create.ts';
export { type HistoryRequest, historyKey } from './history.ts';
export { type Repeated, type RunError, repeatedOf } from './types.ts';

/** Tasks that are submitted again and again. Whose a schedule is, is the caller's to check. */
export interface Schedules {
  /**
   * Makes a schedule; the same once more is the same schedule, as it is by now.
   * @throws InvalidInputError with all that is wrong, and for a name that another schedule of the user has;
   * NoSuchModelError; QuotaExceededError
   */
  create(schedule: NewSchedule): Promise<Schedule>;
  /** A user's, newest first. */
  list(userId: string): Promise<Schedule[]>;
  /** Null where there is none. */
  find(id: string): Promise<Schedule | null>;
  /** Stops a schedule, or lets it run on from now: what would have run meanwhile does not. @throws NotFoundError */
  pause(id: string, paused: boolean): Promise<Schedule>;
  /** Its tasks stay. @throws NotFoundError */
  remove(id: string): Promise<void>;
  /** Its first times from now on; none while it is paused. */
  nextRuns(schedule: Schedule, count: number): Date[];
  /** What ran, for many requests at once; by `historyKey`. */
  tasks(asked: readonly HistoryRequest[]): Promise<Map<string, Task[]>>;
  /** The latest runs of each schedule, the last one first. */
  runs(scheduleIds: readonly string[], take: number): Promise<Map<string, ScheduleRun[]>>;

  // Housekeeping, for one process at a time to call now and then; several do no harm.

  /** Submits the tasks whose time has come, until the signal aborts. Every second or so. Answers how many. */
  runDue(signal?: AbortSignal): Promise<number>;
  /** Forgets what ran longer ago than tasks are kept. Answers how many. */
  forgetOldRuns(): Promise<number>;
}

export interface SchedulesOptions {
  readonly database: Database;
  readonly artifacts: Artifacts;
  readonly nodes: Pick<Nodes, 'models'>;
  readonly tasks: Pick<Tasks, 'submit'>;
  readonly webhooks: Pick<Webhooks, 'urlProblem'>;
  readonly config: { readonly taskRetentionDays: number };
  readonly log: Log;
}

const NOT_FOUND = 'there is no such schedule';

export function createSchedules(options: SchedulesOptions): Schedules {
  const { database, log, config } = options;
  const { prisma, clock } = database;
  const submitRuns = createRunSubmitter(options);

  const timesOf = ({ cron, timeZone }: Schedule, count: number): Date[] =>
    timesAfter(createCalendar(cron, timeZone), clock.now().getTime(), count).map((time) => new Date(time));

  async function find(id: string): Promise<Schedule> {
    const schedule = await prisma.schedule.findUnique({ where: { id } });
    if (!schedule) throw new NotFoundError(NOT_FOUND);
    return schedule;
  }

  return {
    create: (schedule) => createSchedule(options, schedule),
    list: (userId) => prisma.schedule.findMany({ where: { userId }, orderBy: { id: 'desc' } }),
    find: (id) => prisma.schedule.findUnique({ where: { id } }),
    async pause(id, paused) {
      const schedule = await find(id);
      const nextAt = paused ? null : (timesOf(schedule, 1)[0] ?? null);
      // Only one that is not so yet: a schedule that runs keeps the time that it waits for.
      await prisma.schedule.updateMany({ where: { id, paused: !paused }, data: { paused, nextAt } });
      return find(id);
    },
    async remove(id) {
      const { count } = await prisma.schedule.deleteMany({ where: { id } });
      if (count === 0) throw new NotFoundError(NOT_FOUND);
    },
    nextRuns: (schedule, count) => (schedule.paused ? [] : timesOf(schedule, count)),
    tasks: (asked) => tasksOf(database, asked),
    runs: (scheduleIds, take) => runsOf(database, scheduleIds, take),
    async runDue(signal) {
      while (!signal?.aborted && (await beginRuns(database, log)));
      let total = 0;
      for (let isDone = false; !isDone && !signal?.aborted; ) {
        const { submitted, hasMore } = await submitRuns();
        total += submitted;
        isDone = !hasMore;
      }
      return total;
    },
    forgetOldRuns: () => forgetOldRuns(database, config.taskRetentionDays),
  };
}
