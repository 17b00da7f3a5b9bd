import { canSee } from '../accounts/index.ts';
import type { Schedule, ScheduleRun } from '../database/index.ts';
import {
  InvalidInputError,
  NoSuchModelError,
  NotFoundError,
  QuotaExceededError,
  RefusedError,
} from '../errors.ts';
import { decodeId, encodeId } from '../ids.ts';
import { kindOf } from '../kinds/index.ts';
import { type HistoryRequest, historyKey, type RunError, repeatedOf } from '../schedules/index.ts';
import { builder } from './builder.ts';
import type { Context, SignedInContext } from './context.ts';
import { DeleteResult } from './delete.ts';
import { ErrorCodeEnum } from './errors.ts';
import { TaskKindEnum } from './kinds/index.ts';
import { createLoader } from './loader.ts';
import { connectionCost, pageOf, pageRequest } from './page.ts';
import { TaskType, withApiIds } from './task.ts';
import { TaskConnection } from './task-connection.ts';
import { requestOf, SubmitTaskInput } from './task-submit.ts';
import { visible } from './visible.ts';

const MAX_LISTED = 100;

function checkFirst(first: number): number {
  if (first >= 1 && first <= MAX_LISTED) return first;
  throw new InvalidInputError([{ path: 'first', message: `must be 1 to ${MAX_LISTED}` }]);
}

const ScheduleErrorType = builder.objectRef<RunError>('ScheduleError').implement({
  description: 'Why a schedule has no task for one of its times',
  fields: (t) => ({
    code: t.expose('code', {
      type: ErrorCodeEnum,
      nullable: true,
      description: 'As submitTask would have told; null where the server is at fault',
    }),
    message: t.exposeString('message', { description: 'For people: what is wrong, and what would be right' }),
  }),
});

const ScheduleRunType = builder.objectRef<ScheduleRun>('ScheduleRun').implement({
  description: 'One time of a schedule, and what became of it',
  fields: (t) => ({
    at: t.expose('at', { type: 'DateTime', description: 'When it was due' }),
    missedSince: t.expose('missedSince', {
      type: 'DateTime',
      nullable: true,
      description: 'The first of the times before it that it makes up for, since nothing ran; null: none',
    }),
    task: t.field({
      type: TaskType,
      nullable: true,
      description: 'Null where there is none yet, none could be submitted, or it was deleted',
      resolve: ({ taskId }, _args, context) => TaskType.getDataloader(context).load(taskId),
    }),
    error: t.field({
      type: ScheduleErrorType,
      nullable: true,
      description: 'Why it could not be submitted',
      resolve: ({ error }) => error as RunError | null,
    }),
    nextTryAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When that is tried again: each minute for an hour, or until the next time',
      resolve: ({ error, dueAt }) => (error === null ? null : dueAt),
    }),
  }),
});

const loadTasks = createLoader(
  (asked: readonly HistoryRequest[], { schedules }) => schedules.tasks(asked),
  historyKey,
);

const ScheduleType = builder.loadableNode('Schedule', {
  id: { resolve: ({ id }) => id },
  load: (ids: string[], { services }: Context): Promise<Schedule[]> =>
    services.database.prisma.schedule.findMany({ where: { id: { in: ids } } }),
  toKey: ({ id }) => id,
  sort: true,
  loaderOptions: { cache: false },
  fields: (t) => ({
    name: t.exposeString('name', { description: "Unique among its owner's schedules" }),
    cron: t.exposeString('cron', {
      description: 'Minute, hour, day of the month, month, day of the week; or a word such as @daily',
    }),
    timeZone: t.exposeString('timeZone', { description: 'Whose clocks it goes by' }),
    paused: t.exposeBoolean('paused', { description: 'Whether it runs no more until it is resumed' }),
    kind: t.field({
      type: TaskKindEnum,
      description: 'Of its tasks',
      resolve: (schedule) => kindOf(repeatedOf(schedule).kind).name,
    }),
    model: t.string({
      nullable: true,
      description: 'Of its tasks; null: the default of the kind at each time',
      resolve: (schedule) => repeatedOf(schedule).model,
    }),
    input: t.field({
      type: 'JSONObject',
      description: 'Of its tasks, with the defaults of their kind',
      resolve: (schedule) => {
        const { kind, input } = repeatedOf(schedule);
        return withApiIds(kind, input);
      },
    }),
    nextRuns: t.field({
      type: ['DateTime'],
      description: 'Its next times; none while it is paused',
      args: { first: t.arg.int({ defaultValue: 5, description: 'How many; 1 to 100' }) },
      resolve: (schedule, { first }, { services }) =>
        services.schedules.nextRuns(schedule, checkFirst(first ?? 5)),
    }),
    tasks: t.field({
      type: TaskConnection,
      description: 'What ran, newest first, as far as it was not deleted',
      complexity: connectionCost,
      args: {
        first: t.arg.int({ description: 'How many; 1 to 100; default: 20' }),
        after: t.arg.string({ description: 'The cursor of the last one seen' }),
      },
      resolve: async ({ id: scheduleId }, args, context) => {
        const page = pageRequest(args, 'desc');
        const request = { scheduleId, before: page.id.lt ?? null, take: page.take };
        return pageOf((await loadTasks(context, request)) ?? [], page);
      },
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made' }),
  }),
});

builder.objectField(ScheduleType, 'runs', (t) =>
  t.loadableList({
    type: ScheduleRunType,
    description: 'Its latest times and what became of them, failed ones too; the last one first',
    byPath: true,
    args: { first: t.arg.int({ defaultValue: 20, description: 'How many; 1 to 100' }) },
    complexity: ({ first }) => ({ field: 1, multiplier: first ?? 20 }),
    load: async (ids: string[], { services }, { first }) => {
      const runs = await services.schedules.runs(ids, checkFirst(first ?? 20));
      return ids.map((id) => runs.get(id) ?? []);
    },
    loaderOptions: { cache: false },
    resolve: ({ id }) => id,
  }),
);

const CreateScheduleInput = builder.inputType('CreateScheduleInput', {
  fields: (t) => ({
    name: t.string({
      required: true,
      description: 'For people, to tell schedules apart; 1 to 100 characters',
    }),
    cron: t.string({
      required: true,
      description: 'Minute, hour, day of the month, month, day of the week: "30 7 * * MON-FRI"; or @daily',
    }),
    timeZone: t.string({
      defaultValue: 'UTC',
      description: 'Whose clocks it goes by, as the IANA database names it: Europe/Berlin',
    }),
    task: t.field({
      type: SubmitTaskInput,
      required: true,
      description: 'What is submitted each time; without startAt, deadline, idempotencyKey and waitMs',
    }),
  }),
});

const CreateScheduleResult = builder.errorUnion('CreateScheduleResult', {
  types: [ScheduleType, InvalidInputError, NoSuchModelError, QuotaExceededError],
  resolveType: () => 'Schedule',
});
const PauseScheduleResult = builder.errorUnion('PauseScheduleResult', {
  types: [ScheduleType, NotFoundError],
  resolveType: () => 'Schedule',
});

/** The row id of the caller's schedule: another's is told in the words for none. */
async function ownSchedule(globalId: string, context: SignedInContext): Promise<string> {
  const schedule = await visible(['Schedule', globalId], context, context.services.schedules.find);
  if (!schedule) throw new NotFoundError('there is no such schedule');
  return schedule.id;
}

function ownerOf(userId: string | null | undefined, viewer: SignedInContext['viewer']): string {
  if (userId == null) return viewer.userId;
  const id = decodeId('User', userId);
  if (id === null) throw new InvalidInputError([{ path: 'userId', message: 'must be a user id, user_…' }]);
  if (canSee(viewer, id)) return id;
  throw new RefusedError('FORBIDDEN', "userId: only operators may ask for other users' schedules");
}

const SCHEDULE_ID = 'Of the schedule: schedule_…';

builder.queryField('schedules', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: [ScheduleType],
    description: "The caller's own. Newest first.",
    args: { userId: t.arg.id({ description: "Another's, for operators" }) },
    resolve: (_root, { userId }, { services, viewer }) => services.schedules.list(ownerOf(userId, viewer)),
  }),
);

builder.mutationFields((t) => ({
  createSchedule: t.withAuth({ signedIn: true }).field({
    type: CreateScheduleResult,
    description: 'Submits a task again and again. The same schedule once more is the one that is there',
    args: { input: t.arg({ type: CreateScheduleInput, required: true, description: 'The new schedule' }) },
    resolve: (_root, { input: { name, cron, timeZone, task } }, context) =>
      context.services.schedules.create({
        ...{ name, cron, timeZone: timeZone ?? 'UTC' },
        request: requestOf(task, context),
      }),
  }),
  pauseSchedule: t.withAuth({ signedIn: true }).field({
    type: PauseScheduleResult,
    description: 'Stops a schedule, or resumes it: what would have run meanwhile does not',
    args: {
      id: t.arg.id({ required: true, description: SCHEDULE_ID }),
      paused: t.arg.boolean({ required: true, description: 'False resumes it' }),
    },
    resolve: async (_root, { id, paused }, context) =>
      context.services.schedules.pause(await ownSchedule(id, context), paused),
  }),
  deleteSchedule: t.withAuth({ signedIn: true }).field({
    type: DeleteResult,
    description: 'Removes a schedule; what it submitted stays',
    args: { id: t.arg.id({ required: true, description: SCHEDULE_ID }) },
    resolve: async (_root, args, context) => {
      const id = await ownSchedule(args.id, context);
      await context.services.schedules.remove(id);
      return { id: encodeId('Schedule', id) };
    },
  }),
}));
