import { SwitchyardError } from '../../sdk/src/index.ts';
import { CallerError, StartError } from '../errors.ts';
import { type Command, UsageError } from './command.ts';
import { print, type Surroundings } from './terminal.ts';

/** Each is loaded when it is asked for: a client's commands need nothing of the server. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () => (await import('./commands/serve.ts')).serve,
  demo: async () => (await import('./commands/demo.ts')).demo,
  migrate: async () => (await import('./commands/migrate.ts')).migrate,
  users: async () => (await import('./commands/users.ts')).users,
  doctor: async () => (await import('./commands/doctor.ts')).doctor,
  submit: async () => (await import('./commands/submit.ts')).submit,
  watch: async () => (await import('./commands/watch.ts')).watch,
  tasks: async () => (await import('./commands/tasks.ts')).tasks,
  nodes: async () => (await import('./commands/nodes.ts')).nodes,
};

export const exitCodes = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;

async function overview(): Promise<string> {
  const rows = Object.entries(commands).map(async ([name, load]) => {
    const { summary } = await load();
    return `  ${name.padEnd(10)}${summary}`;
  });
  return [
    'Usage: switchyard COMMAND [options]',
    '',
    'A durable queue and a typed GraphQL API in front of a pool of GPU nodes.',
    '',
    'Commands:',
    ...(await Promise.all(rows)),
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
    print(name === undefined ? stderr : stdout, await overview());
    return name === undefined ? exitCodes.usage : exitCodes.ok;
  }
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (load === undefined) {
    print(stderr, `switchyard: there is no command "${name}"; switchyard --help lists them`);
    return exitCodes.usage;
  }
  const command = await load();
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
    if (error.code === 'UNAUTHENTICATED') print(stderr, 'give a key with --token or SWITCHYARD_TOKEN');
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
