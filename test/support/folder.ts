import { chmod, mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface TestFolder extends AsyncDisposable {
  readonly path: string;
}

/** Where Linux keeps files in memory. */
const MEMORY = '/dev/shm';
/** Several times what the databases of a run take at their most. */
const ROOM_BYTES = 4 * 1024 ** 3;

/**
 * For databases: in memory, where there is room. A database is hundreds of files, and making them on a disk
 * takes up to ten times as long.
 */
async function quickParent(): Promise<string> {
  const memory = await statfs(MEMORY).catch(() => null);
  return memory !== null && memory.bavail * memory.bsize >= ROOM_BYTES ? MEMORY : tmpdir();
}

/** An empty folder that every user can enter. `await using` removes it. */
export async function makeFolder(parent?: string): Promise<TestFolder> {
  const folder = await mkdtemp(path.join(parent ?? (await quickParent()), 'switchyard-test-'));
  await chmod(folder, 0o755);
  return {
    path: folder,
    async [Symbol.asyncDispose]() {
      await rm(folder, { recursive: true, force: true });
    },
  };
}
