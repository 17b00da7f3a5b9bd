import { loadConfig } from '../../config.ts';
import { serve as runServer } from '../../serve.ts';
import { defineCommand, UsageError } from '../command.ts';

const roles = ['all', 'api', 'worker'] as const;

export const serve = defineCommand({
  summary: 'Run a server until it is told to stop',
  usage: 'serve [--role all|api|worker]',
  description:
    'Configuration comes from environment variables and .env; .env.example documents them.\nWithout DATABASE_URL an embedded PostgreSQL runs under DATA_DIR.',
  arity: [0, 0],
  options: {
    role: {
      type: 'string',
      value: 'ROLE',
      help: 'all (default), api or worker; the last two need DATABASE_URL',
    },
  },
  async run({ values }, { env }) {
    const role = roles.find((one) => one === (values.role ?? 'all'));
    if (role === undefined) throw new UsageError(`--role: "${values.role}" is none of ${roles.join(', ')}`);
    return runServer(loadConfig(env, role));
  },
});
