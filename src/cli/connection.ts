import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Client, createClient } from '../../sdk/src/index.ts';
import { UsageError } from './command.ts';
import type { Surroundings } from './terminal.ts';

/** Options of every command that talks to a server. */
export const connectionOptions = {
  url: { type: 'string', value: 'URL', help: 'The server; default: SWITCHYARD_URL, or this machine' },
  token: {
    type: 'string',
    value: 'KEY',
    help: 'API key or access token; default: SWITCHYARD_TOKEN, or the admin key in DATA_DIR',
  },
  json: { type: 'boolean', help: 'Print JSON for scripts' },
} as const;

interface ConnectionValues {
  readonly url?: string;
  readonly token?: string;
}

const thisMachine: ReadonlySet<string> = new Set(['127.0.0.1', 'localhost', '[::1]']);

function adminKey(env: NodeJS.ProcessEnv): string | undefined {
  try {
    return readFileSync(path.join(env.DATA_DIR || '.data', 'admin-key'), 'utf8').trim();
  } catch (error) {
    const expected = ['ENOENT', 'EACCES', 'ENOTDIR'];
    if (error instanceof Error && 'code' in error && expected.includes(String(error.code))) return undefined;
    throw error;
  }
}

/** The server that the options and the environment name, and a credential for it where there is one. */
export function findServer(
  values: ConnectionValues,
  env: NodeJS.ProcessEnv,
): { url: string; token: string | undefined } {
  const url = values.url || env.SWITCHYARD_URL || `http://127.0.0.1:${env.PORT || '4000'}`;
  if (!URL.canParse(url)) throw new UsageError(`--url: "${url}" is no URL, such as http://127.0.0.1:4000`);
  const given = values.token || env.SWITCHYARD_TOKEN;
  // The local admin key is nobody else's business.
  const token = given ?? (thisMachine.has(new URL(url).hostname) ? adminKey(env) : undefined);
  return { url, token };
}

/** About 5 seconds: somebody sits there and waits. */
const RETRIES = 4;
/** About 25 seconds: enough for a server to start again. */
export const PATIENT_RETRIES = 8;

/** Runs `work` with a client of the server, which is closed afterwards. */
export async function withClient<T>(
  values: ConnectionValues,
  { env }: Surroundings,
  work: (client: Client) => Promise<T>,
  retries = RETRIES,
): Promise<T> {
  const client = createClient({ ...findServer(values, env), retries });
  try {
    return await work(client);
  } finally {
    client.close();
  }
}
