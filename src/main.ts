import { loadConfig, type Role, withEnvFile } from './config.ts';
import { StartError } from './errors.ts';

const roles: readonly string[] = ['all', 'api', 'worker'] satisfies Role[];

function isRole(text: string): text is Role {
  return roles.includes(text);
}

/** @throws StartError where the arguments are not such */
function roleOf(args: readonly string[]): Role {
  const given = args.join(' ');
  const role = given === '' ? 'all' : (/^--role[ =](\S+)$/.exec(given)?.[1] ?? '');
  if (isRole(role)) return role;
  throw new StartError(`"${given}" is no argument: say nothing, or --role ${roles.join('|')}`);
}

try {
  const role = roleOf(process.argv.slice(2));
  const { serve } = await import('./serve.ts');
  process.exitCode = await serve(loadConfig(withEnvFile(process.env), role));
} catch (error) {
  console.error(error instanceof StartError ? error.message : error);
  process.exitCode = 1;
}
