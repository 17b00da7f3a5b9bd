import { readFileSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { decodeId } from '../../src/ids.ts';
import { wordFile } from '../knowledge/files.ts';
import { type Library, openLibrary, type Reader, textsSent } from '../knowledge/library.ts';
import { killWorker, type ServerProcess, startServer } from '../support/process.ts';

vi.setConfig({ testTimeout: 120_000 });

let library: Library;
let reader: Reader;

beforeAll(async () => {
  library = await openLibrary([{}, {}], {}, 'api');
  reader = await library.reader();
});
afterAll(() => library?.[Symbol.asyncDispose]());

/** A worker process on the database and the files of the app in this one. */
function startWorker(): Promise<ServerProcess> {
  const { databaseUrl, dataDir, jwtSecret } = library.app.config;
  const shared = { DATABASE_URL: databaseUrl ?? '', DATA_DIR: dataDir, JWT_SECRET: jwtSecret ?? '' };
  return startServer({ ...shared, MIGRATE_AT_START: 'false' }, ['--role', 'worker']);
}

/** The processes that a process has started: on Linux, where the tests run. */
function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** The only one. */
async function storedFile(): Promise<string> {
  const folder = path.join(library.app.config.dataDir, 'artifacts');
  const [file, ...others] = (await readdir(folder, { recursive: true, withFileTypes: true })).filter(
    (entry) => entry.isFile(),
  );
  if (file === undefined || others.length > 0) throw new Error('it is not one file that is stored');
  return path.join(file.parentPath, file.name);
}

const until = (check: () => Promise<void> | void): Promise<void> =>
  vi.waitFor(check, { timeout: 60_000, interval: 50 });

test('kill -9 of a worker while it reads a document, and of the next one while it embeds: it is indexed once', async () => {
  const base = await reader.base();
  const paragraphs = Array.from(
    { length: 2_000 },
    (_, n) => `<w:p><w:r><w:t>Sentence ${n} of a long book.</w:t></w:r></w:p>`,
  );
  // So long that nobody comes too late to see it being read.
  const bytes = wordFile(Buffer.from('<w:p/>'.repeat(300_000)));
  const { database } = library.app.services;
  let worker = await startWorker();
  const task = await reader.add(
    base,
    { name: 'book.docx', bytes },
    { document: { chunkSize: 200, chunkOverlap: 0 } },
  );

  await until(async () => expect(await reader.documents(base, ['CONVERTING'])).toHaveLength(1));
  const [converter, ...others] = childrenOf(worker.pid);
  expect(others).toEqual([]);
  await killWorker(worker, database.pool);
  // Nobody is left whom it could tell, nor who could end it.
  await until(() => expect(isThere(converter ?? 0)).toBe(false));
  await writeFile(await storedFile(), wordFile(Buffer.from(paragraphs.join(''))));

  for (const node of library.nodes) node.set({ latencyMs: 600_000 });
  worker = await startWorker();
  await until(async () => expect(await reader.documents(base, ['EMBEDDING'])).toHaveLength(1));
  await until(() => expect(library.nodes.map(({ inFlight }) => inFlight)).toEqual([2, 2]));
  const lost = textsSent(library.nodes);
  await killWorker(worker, database.pool);
  for (const node of library.nodes) node.set({ latencyMs: 0 });

  await library.app.sibling('worker');
  await until(async () => expect(await reader.documents(base, ['INDEXED'])).toHaveLength(1));
  const id = decodeId('Task', String(task.id)) ?? '';
  await until(async () => {
    const { status, attempt } = await database.prisma.task.findUniqueOrThrow({ where: { id } });
    expect({ status, attempt }).toEqual({ status: 'SUCCEEDED', attempt: 3 });
  });
  const [document] = await reader.documents(base);
  const chunks = await database.prisma.chunk.findMany({
    where: { documentId: id },
    select: { edition: true },
  });
  expect(new Set(chunks.map(({ edition }) => edition))).toEqual(new Set([3]));
  expect(chunks).toHaveLength(Number(document?.chunkCount));
  // What the second worker had sent was sent once more, and nothing else.
  expect(textsSent(library.nodes)).toBe(lost + chunks.length);
  await until(async () => expect(await database.prisma.documentPart.count()).toBe(0));
});
