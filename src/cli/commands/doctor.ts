import pg from 'pg';
import { type Config, ConfigError, loadConfig } from '../../config.ts';
import { connectionConfig } from '../../database/index.ts';
import { createLog } from '../../log.ts';
import {
  type CheckedNode,
  checkDatabase,
  checkDataFolder,
  checkMigrations,
  checkNode,
  checkStorage,
  examine,
  type Finding,
} from '../checks.ts';
import { defineCommand } from '../command.ts';
import { withDatabaseUrl } from '../database.ts';
import { print, printJson, type Sink } from '../terminal.ts';

async function registeredNodes(url: string): Promise<CheckedNode[]> {
  const client = new pg.Client(connectionConfig({ url, name: 'switchyard-doctor' }));
  await client.connect();
  try {
    const { rows } = await client.query<CheckedNode>(
      `SELECT name, url, protocol, token FROM gpu_node WHERE state <> 'REMOVED' ORDER BY id`,
    );
    return rows;
  } finally {
    await client.end();
  }
}

/** Registered nodes, and those of the configuration that no server has taken over yet. */
async function* checkNodes(config: Config, url: string | null): AsyncGenerator<Finding> {
  const nodes = new Map<string, CheckedNode>(config.gpuNodes.map((node) => [node.name, node]));
  for (const node of url === null ? [] : await registeredNodes(url)) nodes.set(node.name, node);
  if (nodes.size === 0) {
    yield {
      part: 'nodes',
      ok: false,
      detail: 'there are none, so every task waits',
      remedy: 'set GPU_NODES, or register a node with the mutation registerNode',
    };
  }
  yield* await Promise.all([...nodes.values()].map(checkNode));
}

async function* checkAll(env: NodeJS.ProcessEnv): AsyncGenerator<Finding> {
  let config: Config;
  try {
    config = loadConfig(env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const remedy = '.env.example documents every variable';
    for (const detail of error.problems) yield { part: 'configuration', ok: false, detail, remedy };
    return;
  }
  yield { part: 'configuration', ok: true, detail: 'valid' };
  yield await checkDataFolder(config);
  yield await checkStorage(config);
  yield* await checkWithDatabase(config);
}

async function checkWithDatabase(config: Config): Promise<Finding[]> {
  const findings: Finding[] = [];
  const withoutDatabase = async () => {
    for await (const finding of checkNodes(config, null)) findings.push(finding);
  };
  const start = await examine('database', 'see that DATA_DIR can be used by PostgreSQL', () =>
    withDatabaseUrl(config, createLog('silent'), async (url) => {
      const { part, ...database } = await checkDatabase(url);
      const migrations = database.ok ? await checkMigrations(url) : null;
      if (migrations !== null) findings.push(migrations);
      const known = migrations?.ok === true ? url : null;
      for await (const finding of checkNodes(config, known)) findings.push(finding);
      return database;
    }),
  );
  if (findings.length === 0) await withoutDatabase();
  return [start, ...findings];
}

function show(stdout: Sink, { part, ok, detail, remedy }: Finding): void {
  print(stdout, `${ok ? 'ok  ' : 'FAIL'}  ${part}: ${detail}`);
  if (remedy !== undefined) print(stdout, `      -> ${remedy}`);
}

export const doctor = defineCommand({
  summary: 'Check the configuration, the database, storage and every node',
  usage: 'doctor [options]',
  description: 'Says how to mend what is wrong. Exits 1 when anything is. Changes nothing.',
  arity: [0, 0],
  options: { json: { type: 'boolean', help: 'Print JSON for scripts' } },
  async run({ values }, { env, stdout }) {
    const findings: Finding[] = [];
    for await (const finding of checkAll(env)) {
      findings.push(finding);
      if (values.json !== true) show(stdout, finding);
    }
    if (values.json === true) printJson(stdout, findings);
    return findings.every(({ ok }) => ok) ? 0 : 1;
  },
});
