import type { Client, Task, TaskSpec, TaskWhere } from '../../../sdk/src/index.ts';
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
  error: {
    type: 'string',
    multiple: true,
    value: 'CODE',
    help: 'Whose last failure is node-rejected, timed-out …; may be repeated',
  },
  label: { type: 'string', multiple: true, value: 'KEY=VALUE', help: 'May be repeated: all must match' },
  user: { type: 'string', value: 'ID', help: "Another user's, for operators" },
  oldest: { type: 'boolean', help: 'Of a list: oldest first' },
  limit: { type: 'string', value: 'N', help: 'Of a list: at most so many; default: 20' },
  task: {
    type: 'string',
    value: 'JSON',
    help: 'Of retry TASK: what it is to do instead, such as \'{"textToImage":{"prompt":"a fox"}}\'',
  },
  'dry-run': { type: 'boolean', help: 'Of retry and cancel: tell how many tasks match, and do nothing' },
  ...connectionOptions,
} as const;

type Values = Arguments<typeof options>['values'];

/** Enum values are checked by the server, which says what they are. */
function filterOf({ status, kind, model, error, label, user }: Values): TaskWhere {
  return {
    ...(status === undefined ? {} : { status: status.map(constantCase) as NonNullable<TaskWhere['status']> }),
    ...(kind === undefined ? {} : { kind: kind.map(constantCase) as NonNullable<TaskWhere['kind']> }),
    ...(model === undefined ? {} : { model }),
    ...(error === undefined
      ? {}
      : { errorCode: error.map(constantCase) as NonNullable<TaskWhere['errorCode']> }),
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

/** Retries or cancels whatever the options name. */
async function actOnAll(client: Client, verb: string, values: Values, { stdout, signal }: Surroundings) {
  const where = filterOf(values);
  const isBulk = verb === 'retry' || verb === 'cancel';
  if (!isBulk || Object.keys(where).length === 0) {
    const status = verb === 'retry' ? 'failed' : 'queued';
    const hint = isBulk ? `, or name them all: switchyard tasks ${verb} --status ${status}` : '';
    throw new UsageError(`which task? switchyard tasks ${verb} TASK${hint}`);
  }
  const dryRun = values['dry-run'] === true;
  const run = verb === 'retry' ? client.retryAll : client.cancelAll;
  const count = await run(where, { dryRun, signal });
  if (values.json === true) return printJson(stdout, { count });
  const done = verb === 'retry' ? 'retried' : 'canceled';
  print(stdout, dryRun ? `${count} would be ${done}` : `${count} ${done}`);
}

/** Its fields are checked by the server, which says what would be right. */
function readTask(text: string | undefined): { task?: TaskSpec } {
  if (text === undefined) return {};
  try {
    return { task: JSON.parse(text) as TaskSpec };
  } catch (error) {
    throw new UsageError(`--task: must be JSON: ${error instanceof Error ? error.message : error}`);
  }
}

async function act(client: Client, verb: string, id: string, values: Values, surroundings: Surroundings) {
  const { json } = values;
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
      const task = await client.retry(id, { signal, ...readTask(values.task) });
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
  usage:
    'tasks [list] [options]\n       switchyard tasks show|cancel|retry|delete TASK [options]\n       switchyard tasks cancel|retry [options]',
  description:
    'Without a TASK, cancel and retry do it to whatever matches the options: retry to what failed, unless --status says canceled.',
  arity: [0, 2],
  options,
  run: ({ values, positionals: [verb = 'list', id] }, surroundings) =>
    withClient(values, surroundings, async (client) => {
      if (verb === 'list') await list(client, values, surroundings);
      else if (id === undefined) await actOnAll(client, verb, values, surroundings);
      else await act(client, verb, id, values, surroundings);
      return 0;
    }),
});
