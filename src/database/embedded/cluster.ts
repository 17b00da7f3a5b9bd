import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chown, mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { StartError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Binaries } from './binaries.ts';
import { type Identity, run } from './identity.ts';
import { exists } from './place.ts';

export interface ClusterOptions {
  /** Keeps the password, for this process's user alone. */
  readonly folder: string;
  /** Keeps the cluster. */
  readonly place: string;
  readonly identity: Identity;
  readonly binaries: Binaries;
  /** False: nothing needs to survive a crash of the machine. */
  readonly durable: boolean;
  readonly log: Log;
}

export interface Cluster {
  readonly path: string;
  readonly password: string;
}

export const passwordFile = (folder: string): string => path.join(folder, 'password');

/**
 * The cluster in `place`, made where it is missing. Anybody on this machine can connect to the server's port:
 * a password that only this user can read keeps them out.
 * @throws where the cluster is of another major version
 */
export async function openCluster(options: ClusterOptions): Promise<Cluster> {
  const { folder, place, binaries } = options;
  const cluster = path.join(place, 'cluster');
  const kept = await readFile(passwordFile(folder), 'utf8').catch(() => null);
  const password = kept?.trim() || (await keepPassword(folder));
  if (!(await exists(cluster))) await makeCluster(cluster, password, options);
  else {
    await checkVersion(cluster, binaries);
    if (kept === null) await setPassword(cluster, password, options);
  }
  return { path: cluster, password };
}

async function keepPassword(folder: string): Promise<string> {
  const password = randomBytes(24).toString('base64url');
  await writeFile(passwordFile(folder), `${password}\n`, { mode: 0o600 });
  return password;
}

async function checkVersion(cluster: string, { major }: Binaries): Promise<void> {
  const version = Number(await readFile(path.join(cluster, 'PG_VERSION'), 'utf8'));
  if (version === major) return;
  throw new StartError(
    `the database in ${cluster} is of PostgreSQL ${version}, and this Switchyard brings PostgreSQL ${major}: move it with pg_dump, or use the Switchyard that made it`,
  );
}

/** Made beside its place and moved there when it is whole: a start that is killed half-way leaves no ruin. */
async function makeCluster(cluster: string, password: string, options: ClusterOptions): Promise<void> {
  const { identity, binaries, durable, log } = options;
  const started = performance.now();
  await clearDrafts(cluster);
  const draft = `${cluster}.new-${randomBytes(4).toString('hex')}`;
  const passwordFile = `${cluster}.password`;
  await mkdir(draft, { recursive: true, mode: 0o700 });
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (identity.uid !== undefined) {
    await chown(draft, identity.uid, identity.gid);
    await chown(passwordFile, identity.uid, identity.gid);
  }
  const text = ['--encoding=UTF8', '--locale=C', '--username=postgres'];
  // The password is random: one round of hashing guards it as well as 4,096, and connects sooner.
  const access = ['--auth=scram-sha-256', `--pwfile=${passwordFile}`, '-c', 'scram_iterations=1'];
  try {
    await run(binaries.initdb, ['-D', draft, ...text, ...access, ...(durable ? [] : ['--no-sync'])], {
      ...identity,
      cwd: '/',
    });
  } finally {
    await rm(passwordFile, { force: true });
  }
  await rename(draft, cluster);
  if (durable) await syncFolder(path.dirname(cluster));
  log.info({ cluster, ms: Math.round(performance.now() - started) }, 'made a new database cluster');
}

/**
 * Removes what killed starts left of clusters that they made. An `initdb` outlives its start, and goes on in its
 * draft: so each has a name of its own, and is removed again until nothing is written there any more.
 */
async function clearDrafts(cluster: string): Promise<void> {
  const folder = path.dirname(cluster);
  const drafts = (await readdir(folder)).filter((name) => name.startsWith(`${path.basename(cluster)}.new`));
  for (const name of drafts) {
    await rm(path.join(folder, name), { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** For a cluster whose password file was lost: PostgreSQL's single-user mode asks for none. */
async function setPassword(cluster: string, password: string, options: ClusterOptions): Promise<void> {
  const { identity, binaries, log } = options;
  const child = spawn(binaries.postgres, ['--single', '-D', cluster, 'postgres'], {
    ...identity,
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.stdin.end(`ALTER ROLE postgres PASSWORD '${password}'\n`);
  const [code] = await once(child, 'exit');
  if (code !== 0)
    throw new Error(`the database in ${cluster} could not be given a new password (exit code ${code})`);
  log.warn({ cluster }, "the database's password file was missing: gave it a new password");
}
