import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StartError } from '../../errors.ts';

export interface FolderLock {
  release(): void;
}

const PID_FILE = 'server.pid';
const SQLITE_BUSY = 5;

/** Why the lock of a folder can't be had. */
async function refusal(folder: string, error: unknown): Promise<StartError> {
  if (!(error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY)) {
    const lock = path.join(folder, 'lock');
    return new StartError(
      `the lock ${lock} can't be taken (${String(error)}): if no server uses that folder, delete this one file`,
    );
  }
  const pid = await readFile(path.join(folder, PID_FILE), 'utf8').then(
    (text) => text.trim(),
    () => 'unknown',
  );
  return new StartError(
    `another Switchyard server (process ${pid}) uses the data folder ${folder}: stop it, or give this one a DATA_DIR of its own`,
  );
}

/**
 * Takes the folder for this process. The lock is the kernel's (SQLite's on an empty file), so it dies with the
 * process however that ends, and neither a `kill -9` nor a reused process id leaves a stale one behind.
 * @throws StartError where another server, of this process or any other, has the folder, or the lock is damaged
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const file = new DatabaseSync(path.join(folder, 'lock'), { timeout: 0 });
  try {
    file.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    file.close();
    throw await refusal(folder, error);
  }
  await writeFile(path.join(folder, PID_FILE), `${process.pid}\n`);
  return { release: () => file.close() };
}
