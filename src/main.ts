import { parseArgs } from 'node:util';
import { keepCompiledCode } from './compile-cache.ts';
import { ConfigError, loadConfig, type Role, withEnvFile } from './config.ts';
import { StartError } from './errors.ts';

const roles: readonly string[] = ['all', 'api', 'worker'] satisfies Role[];

function isRole(text: string): text is Role {
  return roles.includes(text);
}

try {
  const { values } = parseArgs({ options: { role: { type: 'string', default: 'all' } } });
  if (!isRole(values.role))
    throw new ConfigError([`--role: "${values.role}" is none of ${roles.join(', ')}`]);
  keepCompiledCode();
  const { serve } = await import('./serve.ts');
  process.exitCode = await serve(loadConfig(withEnvFile(process.env), values.role));
} catch (error) {
  console.error(error instanceof StartError ? error.message : error);
  process.exitCode = 1;
}
