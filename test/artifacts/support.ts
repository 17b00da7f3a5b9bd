import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  type Artifacts,
  type ArtifactsOptions,
  createArtifacts,
  createLocalStorage,
  type Storage,
} from '../../src/artifacts/index.ts';
import type { Database } from '../../src/database/index.ts';
import { newId } from '../../src/ids.ts';
import { createUrlGuard } from '../../src/urls/index.ts';
import { openTestDatabase } from '../support/database.ts';
import { testLog } from '../support/log.ts';

export interface TestArtifacts extends AsyncDisposable {
  readonly artifacts: Artifacts;
  readonly database: Database;
  readonly storage: Storage;
  readonly folder: string;
  /** Somebody to own artifacts. */
  readonly userId: string;
  /** Another app's worth on the same database and folder. */
  with(options: Partial<ArtifactsOptions>): Artifacts;
}

export interface TestArtifactsOptions extends Partial<ArtifactsOptions> {
  /** As URL_ALLOW_HOSTS has them. */
  readonly allowHosts?: readonly string[];
}

export async function createUser(database: Database): Promise<string> {
  const id = newId();
  await database.prisma.user.create({ data: { id, username: id.slice(0, 32) } });
  return id;
}

/** Artifacts on a database and a folder of their own. `await using` removes both. */
export async function openTestArtifacts({
  allowHosts = [],
  ...options
}: TestArtifactsOptions = {}): Promise<TestArtifacts> {
  const own = options.database ? null : await openTestDatabase();
  const database = options.database ?? own;
  if (!database) throw new Error('there is no database');
  const folder = await mkdtemp(path.join(tmpdir(), 'switchyard-artifacts-'));
  const storage = options.storage ?? createLocalStorage(folder);
  const guard = createUrlGuard({ allowHosts });
  const open = (changes: Partial<ArtifactsOptions>): Artifacts =>
    createArtifacts({
      database,
      storage,
      guard,
      signingKey: new Uint8Array(32).fill(7),
      publicUrl: 'https://switchyard.example/base',
      maxBytes: 1_000_000,
      log: testLog,
      ...changes,
    });
  return {
    artifacts: open(options),
    database,
    storage,
    folder,
    userId: await createUser(database),
    with: open,
    async [Symbol.asyncDispose]() {
      await guard.close();
      await own?.[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A wave file of silence. */
export function wav(options: { seconds: number; sampleRate?: number; declaredBytes?: number }): Buffer {
  const { seconds, sampleRate = 16_000 } = options;
  const bytes = Math.round(seconds * sampleRate) * 2;
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + bytes, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(sampleRate, 24);
  header.writeUInt32LE(sampleRate * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36);
  header.writeUInt32LE(options.declaredBytes ?? bytes, 40);
  return Buffer.concat([header, Buffer.alloc(bytes)]);
}

export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

export async function readAll(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await collect(source));
}
