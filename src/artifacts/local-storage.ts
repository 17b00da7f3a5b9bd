import { openAsBlob } from 'node:fs';
import { type FileHandle, mkdir, open, opendir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { randomId } from '../ids.ts';
import { fileKey } from './file-key.ts';
import { type Measured, measure } from './measure.ts';
import { MissingFileError, type Storage, type StoredFile } from './storage.ts';

/** Unfinished files; on the same file system, so that a rename is atomic. */
const UNFINISHED = 'unfinished';
const keyPattern = /^(?:[0-9a-f]{2}|unfinished)\/[0-9a-f-]{36}$/;

const hasCode = (error: unknown, code: string) =>
  error instanceof Error && 'code' in error && error.code === code;

async function orMissing<T>(key: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw hasCode(error, 'ENOENT') ? new MissingFileError(key, { cause: error }) : error;
  }
}

/** A new or renamed file is durable once its folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function writeAll(file: FileHandle, source: AsyncIterable<Uint8Array>): Promise<Measured> {
  const meter = measure(source);
  for await (const chunk of meter.chunks) await file.writeFile(chunk);
  await file.sync();
  return meter.result();
}

/** Files in a folder of this machine, spread over 256 folders inside it. */
export function createLocalStorage(folder: string): Storage {
  function locate(key: string): string {
    if (!keyPattern.test(key)) throw new Error(`not a key of this storage: ${key}`);
    return path.join(folder, key);
  }

  async function writeUnfinished(file: string, source: AsyncIterable<Uint8Array>) {
    const handle = await open(file, 'wx');
    try {
      return await writeAll(handle, source);
    } finally {
      await handle.close();
    }
  }

  /** Moves a finished file to its place. */
  async function finish(unfinished: string, key: string): Promise<void> {
    const target = locate(key);
    const parent = path.dirname(target);
    const created = await mkdir(parent, { recursive: true });
    await rename(unfinished, target);
    await syncFolder(parent);
    if (created !== undefined) await syncFolder(folder);
  }

  async function* listFolder(name: string): AsyncGenerator<StoredFile> {
    for await (const entry of await opendir(path.join(folder, name))) {
      const key = `${name}/${entry.name}`;
      if (!entry.isFile() || !keyPattern.test(key)) continue;
      try {
        yield { key, modifiedAt: (await stat(locate(key))).mtime };
      } catch (error) {
        if (!hasCode(error, 'ENOENT')) throw error;
      }
    }
  }

  return {
    async put(source) {
      const id = randomId();
      await mkdir(path.join(folder, UNFINISHED), { recursive: true });
      const unfinished = locate(`${UNFINISHED}/${id}`);
      try {
        const written = await writeUnfinished(unfinished, source);
        const key = fileKey(id);
        await finish(unfinished, key);
        return { key, ...written };
      } catch (error) {
        await rm(unfinished, { force: true });
        throw error;
      }
    },
    async read(key, range) {
      const handle = await orMissing(key, open(locate(key)));
      return handle.createReadStream(range ? { start: range.start, end: range.end } : {});
    },
    async blob(key, mimeType) {
      const file = locate(key);
      // openAsBlob does not say what is wrong with a file.
      await orMissing(key, stat(file));
      return openAsBlob(file, { type: mimeType });
    },
    remove: (key) => rm(locate(key), { force: true }),
    async *list() {
      await mkdir(folder, { recursive: true });
      for await (const entry of await opendir(folder)) {
        if (entry.isDirectory()) yield* listFolder(entry.name);
      }
    },
    direct: null,
    close: () => undefined,
  };
}
