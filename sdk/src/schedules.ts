import type { CallOptions, Dependencies } from './calls.ts';
import { unwrap } from './errors.ts';
import {
  CreateScheduleDocument,
  type CreateScheduleInput,
  DeleteScheduleDocument,
  ListSchedulesDocument,
  PauseScheduleDocument,
  type ScheduleFragment,
} from './generated/operations.ts';
import { withRetries } from './retry.ts';

export type Schedule = ScheduleFragment;

export interface Schedules {
  /** Has a task submitted again and again. The same schedule once more is the one that is there. */
  createSchedule(input: CreateScheduleInput, options?: CallOptions): Promise<Schedule>;
  /** The caller's own, newest first, each with its next times and its latest runs. */
  schedules(options?: CallOptions): Promise<Schedule[]>;
  /** Stops a schedule, or lets it run on from now. */
  pauseSchedule(id: string, paused: boolean, options?: CallOptions): Promise<Schedule>;
  /** What it submitted stays. */
  deleteSchedule(id: string, options?: CallOptions): Promise<void>;
}

export function createSchedules({ send, retries }: Omit<Dependencies, 'socket'>): Schedules {
  return {
    // Each but the last answers the same when it is repeated.
    async createSchedule(input, { signal } = {}) {
      const attempt = async () =>
        unwrap((await send(CreateScheduleDocument, { input }, signal)).createSchedule);
      return withRetries(attempt, { retries, signal });
    },
    async schedules({ signal } = {}) {
      const attempt = () => send(ListSchedulesDocument, {}, signal);
      return (await withRetries(attempt, { retries, signal })).schedules;
    },
    async pauseSchedule(id, paused, { signal } = {}) {
      const attempt = async () =>
        unwrap((await send(PauseScheduleDocument, { id, paused }, signal)).pauseSchedule);
      return withRetries(attempt, { retries, signal });
    },
    async deleteSchedule(id, { signal } = {}) {
      unwrap((await send(DeleteScheduleDocument, { id }, signal)).deleteSchedule);
    },
  };
}
