import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { StartError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { canEnter, type Identity } from './identity.ts';

/** Where clusters go whose data folder PostgreSQL's user cannot enter. */
export const OUTSIDE = '/var/lib/switchyard';

/** In the data folder, when its cluster is elsewhere: where. */
const NOTE = 'cluster-is-at';

export function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

/** The folder that has, or will have, the cluster of this data folder: itself, or the one its note names. */
export async function notedPlace(folder: string): Promise<string> {
  const note = await readFile(path.join(folder, NOTE), 'utf8').catch(() => null);
  return note === null ? folder : note.trim();
}

/**
 * Finds a place for the cluster that PostgreSQL's user can enter: the data folder, or one outside, with a note
 * in the data folder that leads there.
 * @throws where an existing cluster cannot be reached any more
 */
export async function findPlace(options: {
  folder: string;
  identity: Identity;
  outside: string;
  log: Log;
}): Promise<string> {
  const { folder, identity, outside, log } = options;
  const noted = await notedPlace(folder);
  if (noted !== folder) {
    if (await exists(path.join(noted, 'cluster'))) return noted;
    throw new StartError(
      `the database of ${folder} is kept at ${noted}, and is missing there: bring it back, or delete ${path.join(folder, NOTE)} to begin with an empty one`,
    );
  }
  if (identity.uid === undefined) return folder;
  // The folder is ours alone; its ancestors are not. What is secret in it has its own permissions.
  await chmod(folder, 0o711);
  if (await canEnter(folder, identity)) return folder;
  if (await exists(path.join(folder, 'cluster'))) {
    throw new StartError(
      `PostgreSQL's user (uid ${identity.uid}) can no longer enter ${folder}: let it pass every folder above (chmod o+x), or set DATABASE_URL`,
    );
  }
  return moveOutside(folder, identity, outside, log);
}

async function moveOutside(folder: string, identity: Identity, outside: string, log: Log): Promise<string> {
  const hash = createHash('sha256').update(folder).digest('hex').slice(0, 12);
  const place = path.join(outside, hash);
  await mkdir(place, { recursive: true, mode: 0o711 });
  if (!(await canEnter(place, identity))) {
    throw new StartError(
      `PostgreSQL's user (uid ${identity.uid}) can enter neither ${folder} nor ${place}: set DATA_DIR to a folder that every user can enter, or DATABASE_URL`,
    );
  }
  log.warn(
    { folder, place },
    'PostgreSQL does not run as root and cannot enter the data folder: its cluster is kept outside',
  );
  await writeFile(path.join(place, 'belongs-to'), `${folder}\n`);
  return place;
}

/** Leaves the note, once there is a cluster to be found. */
export async function notePlace(folder: string, place: string): Promise<void> {
  if (place !== folder) await writeFile(path.join(folder, NOTE), `${place}\n`);
}
