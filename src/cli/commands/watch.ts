import type { Client, WatchOptions } from '../../../sdk/src/index.ts';
import { defineCommand, UsageError } from '../command.ts';
import { connectionOptions, PATIENT_RETRIES, withClient } from '../connection.ts';
import { exitCodeOf } from '../progress.ts';
import { createTaskView } from '../task-view.ts';
import { print, printJson, type Sink } from '../terminal.ts';

interface Followed {
  readonly client: Client;
  readonly id: string;
  readonly options: WatchOptions;
  readonly json: boolean;
  readonly stdout: Sink;
}

async function followTask({ client, id, options, json, stdout }: Followed): Promise<void> {
  using view = createTaskView({ notes: stdout, text: stdout });
  for await (const task of client.watch(id, options)) {
    if (json) printJson(stdout, task);
    else view.show(task);
  }
}

async function followEvents({ client, id, options, json, stdout }: Followed): Promise<void> {
  for await (const event of client.events(id, options)) {
    const error = event.error === null ? '' : `  ${event.error.message}`;
    if (json) printJson(stdout, event);
    else print(stdout, `${event.at}  ${String(event.version).padStart(3)}  ${event.type}${error}`);
  }
}

export const watch = defineCommand({
  summary: 'Follow a task until it is over',
  usage: 'watch TASK [options]',
  description:
    'A text is shown as it is written. Exits 0 when the task succeeded, 1 when it failed or was canceled. Lost connections are resumed.',
  arity: [1, 1],
  options: {
    events: { type: 'boolean', help: "The task's log from its beginning instead of its progress" },
    after: { type: 'string', value: 'N', help: 'Only what came after this version' },
    ...connectionOptions,
  },
  async run({ values: { events = false, json = false, ...values }, positionals: [id = ''] }, surroundings) {
    const { stdout, signal } = surroundings;
    const after = Number(values.after ?? 0);
    if (!Number.isInteger(after) || after < 0)
      throw new UsageError('--after: must be a whole number from 0 on');
    const follow = events ? followEvents : followTask;
    const followAndJudge = async (client: Client) => {
      await follow({ client, id, options: { after, signal }, json, stdout });
      const task = await client.task(id, { signal });
      return task === null ? 1 : exitCodeOf(task);
    };
    return withClient(values, surroundings, followAndJudge, PATIENT_RETRIES);
  },
});
