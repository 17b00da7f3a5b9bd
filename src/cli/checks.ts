import { constants } from 'node:fs';
import { access, mkdir } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import pg from 'pg';
import { nameOf, openStorage, type Storage, type StorageLocation } from '../artifacts/index.ts';
import type { Config } from '../config.ts';
import { connectionConfig, pendingMigrations } from '../database/index.ts';
import { InvalidInputError } from '../errors.ts';
import { loadWorkflows, type NodeInput, validNode } from '../nodes/index.ts';
import { createNodeClient, parseProtocolName, protocolNames, protocolOf } from '../nodes/protocols/index.ts';
import { kebabCase } from './command.ts';

/** What `doctor` found out about one part. */
export interface Finding {
  readonly part: string;
  readonly ok: boolean;
  readonly detail: string;
  /** How to mend it. */
  readonly remedy?: string;
}

/** A node that is asked whether it is ready. */
export interface CheckedNode {
  readonly name: string;
  readonly url: string;
  readonly protocol: string;
  readonly token?: string | null | undefined;
  /** Of an entry of GPU_NODES, which a start checks before it registers the node. */
  readonly slots?: number;
  readonly offers?: NodeInput['offers'];
}

const OLDEST_POSTGRES = 14;
const NODE_ANSWERS_WITHIN_MS = 5_000;

function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ');
  return error instanceof Error && error.message !== '' ? error.message : String(error);
}

/** Runs a check; an error of its own is a finding too. */
export async function examine(
  part: string,
  remedy: string,
  check: () => Promise<Omit<Finding, 'part'>>,
): Promise<Finding> {
  try {
    return { part, ...(await check()) };
  } catch (error) {
    return { part, ok: false, detail: messageOf(error), remedy };
  }
}

export function checkDataFolder({ dataDir }: Config): Promise<Finding> {
  const remedy = 'set DATA_DIR to a folder that this user may write to';
  return examine('data folder', remedy, async () => {
    await mkdir(dataDir, { recursive: true });
    await access(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
    return { ok: true, detail: dataDir };
  });
}

export function checkDatabase(url: string): Promise<Finding> {
  const remedy = 'see that PostgreSQL runs, and that DATABASE_URL has the right host, user and password';
  return examine('database', remedy, async () => {
    const client = new pg.Client(connectionConfig({ url, name: 'switchyard-doctor' }));
    await client.connect();
    try {
      const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
      const version = rows[0]?.server_version ?? '';
      if (Number.parseInt(version, 10) >= OLDEST_POSTGRES)
        return { ok: true, detail: `PostgreSQL ${version}` };
      const upgrade = `use PostgreSQL ${OLDEST_POSTGRES} or newer, or leave DATABASE_URL out`;
      return { ok: false, detail: `PostgreSQL ${version} is too old`, remedy: upgrade };
    } finally {
      await client.end();
    }
  });
}

/** Pending migrations are wrong only where no start applies them. */
export function checkMigrations(url: string, { migrateAtStart }: Config): Promise<Finding> {
  const remedy = 'run "switchyard migrate"';
  return examine('migrations', remedy, async () => {
    const pending = (await pendingMigrations(url)).join(', ');
    if (pending === '') return { ok: true, detail: 'up to date' };
    if (migrateAtStart) return { ok: true, detail: `the next start applies ${pending}` };
    return { ok: false, detail: `not applied: ${pending}`, remedy };
  });
}

/** Writes, reads and deletes a file. */
export function checkStorage({ storage: location }: Config): Promise<Finding> {
  const name = nameOf(location);
  return examine('storage', remedyOf(location), async () => {
    const storage = await openStorage(location);
    try {
      const wrong = await probeStorage(storage);
      if (wrong !== null) return { ok: false, detail: `${name} ${wrong}`, remedy: remedyOf(location) };
      return { ok: true, detail: name };
    } finally {
      storage.close();
    }
  });
}

/** What is wrong with what it gives back; null: nothing. */
async function probeStorage(storage: Storage): Promise<string | null> {
  const content = `switchyard doctor, ${new Date().toISOString()}`;
  const { key } = await storage.put(chunks(content));
  try {
    if ((await text(await storage.read(key))) !== content) return 'gives back other bytes';
    for await (const _ of storage.list()) return null;
    return 'does not list what is there';
  } finally {
    await storage.remove(key);
  }
}

function remedyOf(location: StorageLocation): string {
  if (location.type === 'folder') {
    return 'set STORAGE_URL to a folder that this user may write to, on a disk that has space';
  }
  const { bucket, endpoint } = location;
  const where = endpoint === null ? 'S3_REGION is right' : `the store at ${endpoint} runs`;
  return `see that ${where}, that the bucket ${bucket} is there, and that the keys may put, get, list and delete in it`;
}

async function* chunks(content: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(content);
}

/** Reads the workflows as a start does. */
export function checkWorkflows({ workflowsDir }: Config): Promise<Finding> {
  return examine('workflows', 'mend these files, or set WORKFLOWS_DIR to the folder of others', async () => {
    const { names } = await loadWorkflows(workflowsDir);
    return { ok: true, detail: `${names.length === 0 ? 'none' : names.join(', ')} in ${workflowsDir}` };
  });
}

/** What is wrong with an entry of GPU_NODES; null: nothing. */
function problemOf({ offers, ...node }: CheckedNode): string | null {
  if (offers === undefined) return null;
  try {
    validNode({ ...node, offers }, '');
    return null;
  } catch (error) {
    if (error instanceof InvalidInputError) return error.message;
    throw error;
  }
}

/** Asks the node as its protocol does before work is sent there. */
export function checkNode(node: CheckedNode): Promise<Finding> {
  const remedy = `see that the server at ${node.url} runs, speaks ${kebabCase(node.protocol)} and knows the token`;
  return examine(`node ${node.name}`, remedy, async () => {
    const name = parseProtocolName(node.protocol);
    if (name === null) {
      const known = protocolNames.map(kebabCase).join(', ');
      return { ok: false, detail: `no such protocol: ${node.protocol}`, remedy: `use one of ${known}` };
    }
    const problem = problemOf(node);
    if (problem !== null) {
      return { ok: false, detail: problem, remedy: 'mend its entry in GPU_NODES: no server starts with it' };
    }
    const client = createNodeClient({ url: new URL(node.url), token: node.token ?? null, slots: 1 });
    try {
      const { ready, detail } = await protocolOf(name).ready(
        client,
        AbortSignal.timeout(NODE_ANSWERS_WITHIN_MS),
      );
      if (ready) return { ok: true, detail: `ready at ${node.url}` };
      return {
        ok: false,
        detail: `not ready at ${node.url}${detail === undefined ? '' : `: ${detail}`}`,
        remedy,
      };
    } finally {
      await client.close();
    }
  });
}
