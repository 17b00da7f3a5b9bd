import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { StartError } from '../../errors.ts';
import type { Log } from '../../log.ts';

export const run = promisify(execFile);

/** Whom PostgreSQL runs as. Empty: as whoever runs this process. */
export type Identity = { readonly uid: number; readonly gid: number } | Record<string, never>;

/**
 * PostgreSQL refuses to run as root: then it runs as the owner of the cluster, or else as the user `postgres`,
 * who is made where missing.
 */
export async function findIdentity(cluster: string, log: Log): Promise<Identity> {
  if (process.getuid?.() !== 0) return {};
  const owner = await stat(cluster).catch(() => null);
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  return (await findUser()) ?? (await createUser(log));
}

async function findUser(): Promise<Identity | null> {
  try {
    const { stdout } = await run('id', ['postgres']);
    const [, uid, gid] = /uid=(\d+).*? gid=(\d+)/.exec(stdout) ?? [];
    return uid === undefined || gid === undefined ? null : { uid: Number(uid), gid: Number(gid) };
  } catch {
    return null;
  }
}

async function createUser(log: Log): Promise<Identity> {
  const useradd = ['--system', '--user-group', '--no-create-home', '--shell', '/bin/false', 'postgres'];
  try {
    // Busybox has only the other one.
    await run('useradd', useradd).catch(() => run('adduser', ['-S', '-D', '-H', 'postgres']));
  } catch (error) {
    throw new StartError(
      'PostgreSQL does not run as root, and the user postgres could not be made: make it, run Switchyard as another user, or set DATABASE_URL',
      { cause: error },
    );
  }
  const user = await findUser();
  if (!user) throw new Error('the user postgres was made, and is not to be found');
  log.info('made the user postgres: PostgreSQL does not run as root');
  return user;
}

/** Whether that user can enter a folder. Asked of the kernel: it knows every ancestor, group and access list. */
export async function canEnter(folder: string, identity: Identity): Promise<boolean> {
  return run('/bin/sh', ['-c', 'cd "$0"', folder], { ...identity, cwd: '/' }).then(
    () => true,
    () => false,
  );
}
