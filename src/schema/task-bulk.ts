import type { Viewer } from '../accounts/index.ts';
import type { Prisma, TaskStatus } from '../database/index.ts';
import { type InputIssue, InvalidInputError } from '../errors.ts';
import type { Pages } from '../tasks/index.ts';
import { builder } from './builder.ts';
import type { SignedInContext } from './context.ts';
import { type TaskWhere, TaskWhereInput, taskFilter, taskQuery } from './task-where.ts';

/** Of one transaction. */
const PAGE = 100;

const BulkPayload = builder.objectRef<{ count: number }>('BulkPayload').implement({
  fields: (t) => ({
    count: t.exposeInt('count', { description: 'How many tasks it was done to, or would be with dryRun' }),
  }),
});

const BulkResult = builder.errorUnion('BulkResult', {
  types: [BulkPayload, InvalidInputError],
  resolveType: () => 'BulkPayload',
});

/** What a command does to whatever matches and is in one of its states. */
interface Command {
  /** In which it can be done. */
  readonly possible: readonly TaskStatus[];
  /** In which it is done, where the caller names none. */
  readonly usual: readonly TaskStatus[];
  readonly order: 'asc' | 'desc';
}

const retrying: Command = {
  possible: ['FAILED', 'CANCELED'],
  usual: ['FAILED'],
  // Parents before what depends on them.
  order: 'asc',
};

const open = ['SCHEDULED', 'BLOCKED', 'QUEUED', 'RUNNING'] as const;
const canceling: Command = { possible: open, usual: open, order: 'desc' };

function statusIssues(status: TaskWhere['status'], { possible }: Command): InputIssue[] {
  const wrong = status?.find((one) => !possible.includes(one));
  if (wrong === undefined) return [];
  const message = `must be of ${possible.join(', ')}: nothing can be done to what is ${wrong}`;
  return [{ path: 'where.status', message }];
}

/** No labels are none; an empty list is one that nothing is on. */
const saysNothing = ([name, value]: readonly [string, unknown]): boolean =>
  value == null || (name === 'labels' && Object.keys(value).length === 0);

/** @throws InvalidInputError where nothing is asked for, or what can't be done */
function matching(where: TaskWhere, viewer: Viewer, command: Command): Prisma.TaskWhereInput {
  const { status } = where;
  const isEmpty = Object.entries(where).every(saysNothing);
  const issues = isEmpty
    ? [{ path: 'where', message: 'must say which: by status, say, or by userId for all of a user' }]
    : statusIssues(status, command);
  if (issues.length > 0) throw new InvalidInputError(issues);
  return taskQuery(taskFilter({ ...where, status: status ?? [...command.usual] }, viewer));
}

/** Page after page of the ids of what matches, as it is when the page is asked for. */
async function* pagesOf(
  query: Prisma.TaskWhereInput,
  { order }: Command,
  { services, signals }: SignedInContext,
): Pages {
  const { task } = services.database.prisma;
  for (let last: string | undefined; !signals.some(({ aborted }) => aborted); ) {
    const beyond = last === undefined ? {} : { id: order === 'asc' ? { gt: last } : { lt: last } };
    const where = { AND: [query, beyond] };
    const rows = await task.findMany({ where, select: { id: true }, orderBy: { id: order }, take: PAGE });
    const ids = rows.map(({ id }) => id);
    last = ids.at(-1);
    if (last === undefined) return;
    yield ids;
  }
}

/** Only what its deadline leaves time for. */
const inTime = (now: Date): Prisma.TaskWhereInput => ({
  OR: [{ deadline: null }, { deadline: { gt: now } }],
});

const DRY_RUN = 'True: nothing is done, and the count tells what would be';

builder.mutationFields((t) => ({
  retryTasks: t.withAuth({ signedIn: true }).field({
    type: BulkResult,
    description:
      'Retries, as retryTask does, what matches and failed, or was canceled if where.status says so: page by page, each as a whole. Of all that the caller may see',
    args: {
      where: t.arg({ type: TaskWhereInput, required: true, description: 'Which of them; not empty' }),
      dryRun: t.arg.boolean({ defaultValue: false, description: DRY_RUN }),
    },
    resolve: async (_root, { where, dryRun }, context) => {
      const { services, viewer } = context;
      const { prisma, clock } = services.database;
      const query = { AND: [matching(where, viewer, retrying), inTime(clock.now())] };
      if (dryRun) return { count: await prisma.task.count({ where: query }) };
      return { count: await services.tasks.retryAll(pagesOf(query, retrying, context), viewer.userId) };
    },
  }),
  cancelTasks: t.withAuth({ signedIn: true }).field({
    type: BulkResult,
    description:
      'Cancels what matches and has not ended: page by page, each as a whole. Does not wait for what becomes of running work. Of all that the caller may see',
    args: {
      where: t.arg({ type: TaskWhereInput, required: true, description: 'Which of them; not empty' }),
      dryRun: t.arg.boolean({ defaultValue: false, description: DRY_RUN }),
    },
    resolve: async (_root, { where, dryRun }, context) => {
      const { services, viewer } = context;
      const query = matching(where, viewer, canceling);
      if (dryRun) return { count: await services.database.prisma.task.count({ where: query }) };
      return { count: await services.tasks.cancelAll(pagesOf(query, canceling, context), viewer.userId) };
    },
  }),
}));
