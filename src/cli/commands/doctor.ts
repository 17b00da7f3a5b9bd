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
  checkWorkflows,
  examine,
  type Finding,
} from '../checks.ts';
import { defineCommand } from '../command.ts';
import { withDatabaseUrl } from '../database.ts';
import { print, printJson, type Sink } from '../terminal.ts';

/** None where the database has no tables yet. */
async function registeredNodes(url: string): Promise<CheckedNode[]> {
  const client = new pg.Client(connectionConfig({ url, name: 'switchyard-doctor' }));
  await client.connect();
  try {
    const { rows: tables } = await client.query("SELECT to_regclass('gpu_node') AS nodes");
    if (tables[0].nodes === null) return [];
    const { rows } = await client.query<CheckedNode>(
      `SELECT name, url, protocol, token FROM gpu_node WHERE state <> 'REMOVED' AND protocol <> 'LOCAL' ORDER BY id`,
    );
    return rows;
  } finally {
    await client.end();
  }
}

/** Registered nodes, and those of the configuration that no server has taken over yet. */
async function checkNodes({ gpuNodes }: Config, url: string | null): Promise<Finding[]> {
  const nodes = new Map<string, CheckedNode>(gpuNodes.map((node) => [node.name, node]));
  for (const node of url === null ? [] : await registeredNodes(url)) nodes.set(node.name, node);
  if (nodes.size > 0) return Promise.all([...nodes.values()].map(checkNode));
  if (url === null) {
    const detail = 'those that are registered are unknown without the database';
    return [{ part: 'nodes', ok: false, detail, remedy: 'mend the database first' }];
  }
  const remedy = 'set GPU_NODES, or register a node with the mutation registerNode';
  return [{ part: 'nodes', ok: false, detail: 'there are none, so every task waits', remedy }];
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
  yield await checkWorkflows(config);
  yield* await checkWithDatabase(config);
}

async function checkWithDatabase(config: Config): Promise<Finding[]> {
  let behind: Finding[] | null = null;
  const remedy = 'see that PostgreSQL can run in DATA_DIR, or set DATABASE_URL';
  const database = await examine('database', remedy, () =>
    withDatabaseUrl(config, createLog('silent'), async (url) => {
      const finding = await checkDatabase(url);
      if (finding.ok) behind = [await checkMigrations(url, config), ...(await checkNodes(config, url))];
      return finding;
    }),
  );
  return [database, ...(behind ?? (await checkNodes(config, null)))];
}

function show(stdout: Sink, { part, ok, detail, remedy }: Finding): void {
  print(stdout, `${ok ? 'ok  ' : 'FAIL'}  ${part}: ${detail}`);
  if (remedy !== undefined) print(stdout, `      -> ${remedy}`);
}

export const doctor = defineCommand({
  summary: 'Check the configuration, the database, storage and every node',
  usage: 'doctor [options]',
  description:
    'Says how to mend what is wrong. Exits 1 when anything is. Makes DATA_DIR where it is missing, and changes nothing else.',
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
