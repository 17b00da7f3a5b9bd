import type { TaskAct } from '../database/index.ts';
import { builder } from './builder.ts';
import type { Context } from './context.ts';
import { TaskEventType } from './event.ts';
import { createLoader } from './loader.ts';
import { TaskType, withApiIds } from './task.ts';

interface EventKey {
  readonly taskId: string;
  readonly version: number;
}

const keyOf = ({ taskId, version }: EventKey): string => `${taskId} ${version}`;

const loadAct = createLoader(async (asked: readonly EventKey[], { database }) => {
  const taskIds = [...new Set(asked.map(({ taskId }) => taskId))];
  const acts = await database.prisma.taskAct.findMany({ where: { taskId: { in: taskIds } } });
  return new Map(acts.map((act) => [keyOf(act), act]));
}, keyOf);

const loadUsername = createLoader(async (ids, { database }) => {
  const users = await database.prisma.user.findMany({
    where: { id: { in: [...ids] } },
    select: { id: true, username: true },
  });
  return new Map(users.map(({ id, username }) => [id, username]));
});

/** Who asked for an event, if that is one which somebody asks for. */
async function actOf(event: EventKey & { readonly type: string }, context: Context): Promise<TaskAct | null> {
  return event.type === 'RETRIED' || event.type === 'CANCELED' ? loadAct(context, event) : null;
}

builder.objectFields(TaskEventType, (t) => ({
  by: t.string({
    nullable: true,
    description: 'The username of who asked for it, where it is CANCELED or RETRIED and somebody did',
    resolve: async (event, _args, context) => {
      const act = await actOf(event, context);
      return act && loadUsername(context, act.userId);
    },
  }),
  formerInput: t.field({
    type: 'JSONObject',
    nullable: true,
    description: 'Of the task until then, where it was RETRIED with another one',
    resolve: async (event, _args, context) => {
      const act = await actOf(event, context);
      const task = act?.input && (await TaskType.getDataloader(context).load(act.taskId));
      return task ? withApiIds(task.kind, act?.input) : null;
    },
  }),
  formerModel: t.string({
    nullable: true,
    description: 'Of the task until then, where it was RETRIED with another input',
    resolve: async (event, _args, context) => (await actOf(event, context))?.model ?? null,
  }),
}));
