import { isFinal } from '../../../sdk/src/index.ts';
import { defineCommand, UsageError } from '../command.ts';
import { connectionOptions, withClient } from '../connection.ts';
import { createProgressBoard, exitCodeOf } from '../progress.ts';
import { print, printJson } from '../terminal.ts';

export const watch = defineCommand({
  summary: 'Follow a task until it is over',
  usage: 'watch TASK [options]',
  description:
    'Exits 0 when the task succeeded, 1 when it failed or was canceled. Lost connections are resumed.',
  arity: [1, 1],
  options: {
    events: { type: 'boolean', help: "The task's log from its beginning instead of its progress" },
    after: { type: 'string', value: 'N', help: 'Only what came after this version' },
    ...connectionOptions,
  },
  async run({ values, positionals: [id = ''] }, surroundings) {
    const { stdout, signal } = surroundings;
    const after = Number(values.after ?? 0);
    if (!Number.isInteger(after) || after < 0)
      throw new UsageError('--after: must be a whole number from 0 on');
    return withClient(values, surroundings, async (client) => {
      if (values.events === true) {
        for await (const event of client.events(id, { after, signal })) {
          if (values.json === true) printJson(stdout, event);
          else {
            const error = event.error === null ? '' : `  ${event.error.message}`;
            print(stdout, `${event.at}  ${String(event.version).padStart(3)}  ${event.type}${error}`);
          }
        }
      } else {
        using board = createProgressBoard(stdout);
        for await (const task of client.watch(id, { after, signal })) {
          if (values.json === true) printJson(stdout, task);
          else board.show(id, task);
          if (isFinal(task)) return exitCodeOf(task);
        }
      }
      const task = await client.task(id, { signal });
      return task === null ? 1 : exitCodeOf(task);
    });
  },
});
