import { builder } from './builder.ts';
import { described } from './described.ts';
import { connectionCost, pageOf, pageRequest } from './page.ts';
import { TaskType } from './task.ts';
import { TaskConnection } from './task-connection.ts';
import { TaskWhereInput, taskFilter, taskQuery } from './task-where.ts';
import { visibleTask } from './visible.ts';

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
    resolve: (_root, args, context) => visibleTask(args.id, context),
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
