import { canSee } from '../accounts/index.ts';
import { decodeId } from '../ids.ts';
import { builder } from './builder.ts';
import { described } from './described.ts';
import { connectionCost, pageOf, pageRequest } from './page.ts';
import { TaskType } from './task.ts';
import { TaskConnection } from './task-connection.ts';
import { TaskWhereInput, taskFilter, taskQuery } from './task-where.ts';

const TaskOrderEnum = builder.enumType('TaskOrder', {
  values: described<'NEWEST' | 'OLDEST'>({
    NEWEST: 'The one that was submitted last comes first',
    OLDEST: 'The one that was submitted first comes first',
  }),
});

builder.queryField('task', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: TaskType,
    nullable: true,
    description: "Null where it does not exist or is not the caller's",
    args: { id: t.arg.id({ required: true, description: 'Of the task: task_…' }) },
    resolve: async (_root, args, { services, viewer }) => {
      const id = decodeId('Task', args.id);
      const task = id && (await services.database.prisma.task.findUnique({ where: { id } }));
      return task && canSee(viewer, task.userId) ? task : null;
    },
  }),
);

builder.queryField('tasks', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: TaskConnection,
    description: "The caller's own; operators may pass userId or see all. Newest first.",
    complexity: connectionCost,
    args: {
      ...t.arg.connectionArgs(),
      where: t.arg({ type: TaskWhereInput, description: 'Which of them; left out: all' }),
      orderBy: t.arg({ type: TaskOrderEnum, description: 'Default: NEWEST' }),
    },
    resolve: async (_root, { where, orderBy, ...args }, { services, viewer }) => {
      const page = pageRequest(args, orderBy === 'OLDEST' ? 'asc' : 'desc');
      const tasks = await services.database.prisma.task.findMany({
        where: { ...taskQuery(taskFilter(where, viewer)), id: page.id },
        orderBy: { id: page.direction },
        take: page.take,
      });
      return pageOf(tasks, page);
    },
  }),
);
