import { SwitchyardError } from '../../sdk/src/index.ts';
import { CallerError, StartError } from '../errors.ts';
import { type Command, UsageError } from './command.ts';
import { demo } from './commands/demo.ts';
import { doctor } from './commands/doctor.ts';
import { migrate } from './commands/migrate.ts';
import { nodes } from './commands/nodes.ts';
import { serve } from './commands/serve.ts';
import { submit } from './commands/submit.ts';
import { tasks } from './commands/tasks.ts';
import { users } from './commands/users.ts';
import { watch } from './commands/watch.ts';
import { print, type Surroundings } from './terminal.ts';

const commands: Readonly<Record<string, Command>> = {
  serve,
  demo,
  migrate,
  users,
  doctor,
  submit,
  watch,
  tasks,
  nodes,
};

export const exitCodes = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;

function overview(): string {
  const rows = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(10)}${summary}`);
  return [
    'Usage: switchyard COMMAND [options]',
    '',
    'A durable queue and a typed GraphQL API in front of a pool of GPU nodes.',
    '',
    'Commands:',
    ...rows,
    '',
    'switchyard COMMAND --help tells more. Exit codes: 0 done, 1 failed, 2 not understood, 130 interrupted.',
  ].join('\n');
}

function wantsHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return (end === -1 ? args : args.slice(0, end)).some((arg) => arg === '--help' || arg === '-h');
}

/**
 * Runs one command line, without the names of Node.js and the script.
 * @returns the exit code
 */
export async function run(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const { stdout, stderr, signal } = surroundings;
  const [name, ...rest] = args;
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    print(name === undefined ? stderr : stdout, overview());
    return name === undefined ? exitCodes.usage : exitCodes.ok;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    print(stderr, `switchyard: there is no command "${name}"; switchyard --help lists them`);
    return exitCodes.usage;
  }
  try {
    if (wantsHelp(rest)) {
      print(stdout, command.help(rest));
      return exitCodes.ok;
    }
    return await command.run(rest, surroundings);
  } catch (error) {
    if (signal.aborted) return exitCodes.interrupted;
    return explain(name, error, surroundings);
  }
}

/** Tells what went wrong. Errors that nobody expected are thrown on: their stack is worth more. */
function explain(name: string, error: unknown, { stderr }: Surroundings): number {
  if (error instanceof UsageError) {
    print(stderr, `switchyard ${name}: ${error.message}\nswitchyard ${name} --help tells what it takes`);
    return exitCodes.usage;
  }
  if (error instanceof SwitchyardError) {
    print(stderr, `switchyard ${name}: ${error.message} (${error.code})`);
    return exitCodes.failed;
  }
  if (error instanceof CallerError) {
    print(stderr, `switchyard ${name}: ${error.message}`);
    return exitCodes.failed;
  }
  if (error instanceof StartError) {
    print(stderr, error.message);
    return exitCodes.failed;
  }
  throw error;
}
