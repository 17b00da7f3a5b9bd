import type { Client, Task, TaskWhere } from '../../../sdk/src/index.ts';
import { NotFoundError } from '../../errors.ts';
import { type Arguments, constantCase, defineCommand, UsageError } from '../command.ts';
import { connectionOptions, withClient } from '../connection.ts';
import { describe } from '../progress.ts';
import { keyAndValue } from '../submission.ts';
import { formatTable } from '../table.ts';
import { print, printJson, type Surroundings } from '../terminal.ts';

const options = {
  status: {
    type: 'string',
    multiple: true,
    value: 'STATUS',
    help: 'queued, running, failed …; may be repeated',
  },
  kind: { type: 'string', multiple: true, value: 'KIND', help: 'text-to-image …; may be repeated' },
  model: { type: 'string', multiple: true, value: 'NAME', help: 'May be repeated' },
  label: { type: 'string', multiple: true, value: 'KEY=VALUE', help: 'May be repeated: all must match' },
  user: { type: 'string', value: 'ID', help: "Another user's, for operators" },
  oldest: { type: 'boolean', help: 'Oldest first' },
  limit: { type: 'string', value: 'N', help: 'At most so many; default: 20' },
  ...connectionOptions,
} as const;

type Values = Arguments<typeof options>['values'];

/** Enum values are checked by the server, which says what they are. */
function filterOf({ status, kind, model, label, user }: Values): TaskWhere {
  return {
    ...(status === undefined ? {} : { status: status.map(constantCase) as NonNullable<TaskWhere['status']> }),
    ...(kind === undefined ? {} : { kind: kind.map(constantCase) as NonNullable<TaskWhere['kind']> }),
    ...(model === undefined ? {} : { model }),
    ...(label === undefined
      ? {}
      : { labels: Object.fromEntries(label.map((text) => keyAndValue('label', text))) }),
    ...(user === undefined ? {} : { userId: user }),
  };
}

async function list(client: Client, values: Values, { stdout, signal }: Surroundings): Promise<void> {
  const limit = Number(values.limit ?? 20);
  if (!Number.isInteger(limit) || limit < 1) throw new UsageError('--limit: must be a whole number above 0');
  const found: Task[] = [];
  const orderBy = values.oldest === true ? 'OLDEST' : 'NEWEST';
  for await (const task of client.tasks(filterOf(values), {
    orderBy,
    pageSize: Math.min(limit, 100),
    signal,
  })) {
    found.push(task);
    if (found.length === limit) break;
  }
  if (values.json === true) return printJson(stdout, found);
  if (found.length === 0) return print(stdout, 'no tasks');
  const rows = found.map((task) => [task.id, task.createdAt, task.queue, task.status, describe(task)]);
  print(stdout, formatTable(['ID', 'CREATED', 'QUEUE', 'STATUS', ''], rows));
}

async function act(client: Client, verb: string, id: string, { json }: Values, surroundings: Surroundings) {
  const { stdout, signal } = surroundings;
  const tell = (text: string, value: unknown) =>
    json === true ? printJson(stdout, value) : print(stdout, text);
  switch (verb) {
    case 'show': {
      const task = await client.task(id, { signal });
      if (task === null) throw new NotFoundError(`there is no task ${id}, or it is not yours`);
      return print(stdout, JSON.stringify(task, null, json === true ? 0 : 2));
    }
    case 'cancel': {
      const canceled = await client.cancel(id, { signal });
      return tell(`canceled: ${canceled.outcome}`, canceled);
    }
    case 'retry': {
      const task = await client.retry(id, { signal });
      return tell(`${task.id}: ${describe(task)}`, task);
    }
    case 'delete':
      await client.remove(id, { signal });
      return tell('deleted', { id });
    default:
      throw new UsageError(`"${verb}" is none of list, show, cancel, retry, delete`);
  }
}

export const tasks = defineCommand({
  summary: 'List, show, cancel, retry or delete tasks',
  usage: 'tasks [list] [options]\n       switchyard tasks show|cancel|retry|delete TASK [options]',
  arity: [0, 2],
  options,
  run: ({ values, positionals: [verb = 'list', id] }, surroundings) =>
    withClient(values, surroundings, async (client) => {
      if (verb === 'list') await list(client, values, surroundings);
      else if (id === undefined) throw new UsageError(`which task? switchyard tasks ${verb} TASK`);
      else await act(client, verb, id, values, surroundings);
      return 0;
    }),
});
