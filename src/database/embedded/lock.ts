import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StartError } from '../../errors.ts';

export interface FolderLock {
  release(): void;
}

/**
 * Takes the folder for this process. The lock is the kernel's (SQLite's on an empty file), so it dies with the
 * process however that ends, and neither a `kill -9` nor a reused process id leaves a stale one behind.
 * @throws where another server, of this process or any other, has the folder
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const pidFile = path.join(folder, 'server.pid');
  const file = new DatabaseSync(path.join(folder, 'lock'), { timeout: 0 });
  try {
    file.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    file.close();
    if (!(error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY)) throw error;
    const pid = await readFile(pidFile, 'utf8').then(
      (text) => text.trim(),
      () => 'unknown',
    );
    throw new StartError(
      `another Switchyard server (process ${pid}) uses the data folder ${folder}: stop it, or give this one a DATA_DIR of its own`,
    );
  }
  await writeFile(pidFile, `${process.pid}\n`);
  return { release: () => file.close() };
}

const SQLITE_BUSY = 5;
