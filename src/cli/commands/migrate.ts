import { loadConfig } from '../../config.ts';
import { migrate as migrateDatabase } from '../../database/index.ts';
import { createLog } from '../../log.ts';
import { defineCommand } from '../command.ts';
import { withDatabaseUrl } from '../database.ts';
import { print, printJson } from '../terminal.ts';

export const migrate = defineCommand({
  summary: 'Bring the database up to date',
  usage: 'migrate [options]',
  description: 'A server does this at its start too, unless MIGRATE_AT_START is false.',
  arity: [0, 0],
  options: { json: { type: 'boolean', help: 'Print JSON for scripts' } },
  async run({ values }, { env, stdout }) {
    const config = loadConfig(env);
    const log = createLog('warn');
    const applied = await withDatabaseUrl(config, log, (url) => migrateDatabase({ url, log }));
    if (values.json === true) printJson(stdout, { applied });
    else if (applied.length === 0) print(stdout, 'the database is up to date');
    else print(stdout, applied.map((name) => `applied ${name}`).join('\n'));
    return 0;
  },
});
