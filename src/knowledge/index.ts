import { availableParallelism } from 'node:os';
import { z } from 'zod';
import type { Artifacts } from '../artifacts/index.ts';
import { type Database, type KnowledgeBase, Prisma, type Tier } from '../database/index.ts';
import { AlreadyExistsError, NotFoundError } from '../errors.ts';
import type { Feed } from '../events/index.ts';
import { newId } from '../ids.ts';
import type { Log } from '../log.ts';
import type { Nodes } from '../nodes/index.ts';
import { cancelIfOpen, type Tasks } from '../tasks/index.ts';
import { valid } from '../validation.ts';
import type { LocalWork } from '../worker/index.ts';
import { createChunks } from './chunks.ts';
import { createConverter } from './convert/converter.ts';
import { createDocuments } from './documents.ts';
import { createParts } from './parts.ts';
import { createDocumentWork } from './process.ts';
import { createSearch, type SearchHit } from './search.ts';
import { openVectorIndex } from './vector-index.ts';

export {
  type DocumentRow,
  type DocumentStatus,
  type DocumentsRequest,
  documentStatus,
  findDocuments,
  listDocuments,
} from './listing.ts';
export type { SearchHit } from './search.ts';

/** Documents made searchable. Whose they are, is the caller's to check. */
export interface Knowledge {
  /** @throws InvalidInputError, AlreadyExistsError, NoSuchModelError */
  createBase(
    userId: string,
    input: { readonly name: string; readonly embeddingModel: string | null },
  ): Promise<KnowledgeBase>;
  /** With all of its documents; what is under way for them is canceled. @throws NotFoundError */
  deleteBase(id: string): Promise<void>;
  /** It is found no more; what is under way for it is canceled. @throws NotFoundError */
  deleteDocument(id: string): Promise<void>;
  /**
   * What fits the query best, by words and by meaning; by words alone where no node embeds the query in time.
   * @throws InvalidInputError
   */
  search(
    base: KnowledgeBase,
    request: {
      readonly query: string;
      readonly first: number;
      readonly viewer: { userId: string; tier: Tier };
    },
  ): Promise<SearchHit[]>;
  /** What workers do for DOCUMENT tasks. */
  readonly work: LocalWork;

  // Housekeeping. Each answers how much it changed.

  /** Ends what is under way for documents that need it no more, and removes what is done. Every second or so. */
  clearParts(): Promise<number>;
  /** Removes the chunks that nobody sees any more. Hourly. */
  clearChunks(): Promise<number>;
}

export interface KnowledgeOptions {
  readonly database: Database;
  readonly artifacts: Artifacts;
  readonly nodes: Pick<Nodes, 'models'>;
  readonly tasks: Tasks;
  readonly feed: Feed;
  /** For one file; see `ConverterOptions`. */
  readonly maxConversionSeconds?: number;
  /** How long a search waits for the vector of its query. */
  readonly searchWaitMs?: number;
  readonly log: Log;
}

const baseInput = z.object({
  name: z.string().trim().min(1).max(255),
  embeddingModel: z.string().min(1).max(200).nullable(),
});

const searchInput = z.object({
  query: z.string().trim().min(1).max(10_000),
  first: z.int().min(1).max(100),
});

const CANCELED_AT_ONCE = 50;

const isTaken = (error: unknown): boolean =>
  error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002';

/** Looks first whether the database has pgvector, and makes it ours where it may. */
export async function createKnowledge(options: KnowledgeOptions): Promise<Knowledge> {
  const { database, artifacts, nodes, tasks, feed, log } = options;
  const { prisma } = database;
  const chunks = createChunks(database);
  const parts = createParts({ database, artifacts, tasks, feed, log });
  const converter = createConverter({
    // The rest of the processors is for everything else.
    concurrency: Math.max(1, Math.floor(availableParallelism() / 2)),
    ...(options.maxConversionSeconds === undefined ? {} : { maxSeconds: options.maxConversionSeconds }),
  });
  const index = await openVectorIndex(database, log);
  const search = createSearch({
    ...{ database, index, artifacts, tasks, feed, log },
    ...(options.searchWaitMs === undefined ? {} : { waitMs: options.searchWaitMs }),
  });

  /** Ends what is under way for documents while they are there: an attempt that finds its document gone has failed. */
  async function cancel(documentIds: readonly string[]): Promise<void> {
    for (let n = 0; n < documentIds.length; n += CANCELED_AT_ONCE) {
      const some = documentIds.slice(n, n + CANCELED_AT_ONCE);
      await Promise.all(some.map((id) => cancelIfOpen(tasks, id)));
    }
  }

  /** What is left of documents that are not there any more. What a lost process leaves of it, housekeeping finds. */
  async function clear(documentIds: readonly string[]): Promise<void> {
    await cancel(documentIds);
    for (const id of documentIds) await chunks.remove(id);
    if (documentIds.length > 0) await parts.clearLeft();
  }

  return {
    async createBase(userId, input) {
      const { name, embeddingModel } = valid(baseInput, input, 'input');
      const model = await nodes.models.choose('EMBEDDING', embeddingModel);
      try {
        const data = { id: newId(), userId, name, embeddingModel: model };
        return await prisma.knowledgeBase.create({ data });
      } catch (error) {
        if (isTaken(error)) throw new AlreadyExistsError(`you have a knowledge base named "${name}" already`);
        throw error;
      }
    },
    async deleteBase(id) {
      const open = await prisma.document.findMany({
        where: { knowledgeBaseId: id, task: { status: { notIn: ['SUCCEEDED', 'FAILED', 'CANCELED'] } } },
        select: { id: true },
      });
      await cancel(open.map((document) => document.id));
      const documentIds = await prisma.$transaction(async (tx) => {
        // Nothing is added to it from here on.
        await tx.$executeRaw`SELECT FROM knowledge_base WHERE id = ${id}::uuid FOR UPDATE`;
        const documents = await tx.document.findMany({
          where: { knowledgeBaseId: id },
          select: { id: true },
        });
        const { count } = await tx.knowledgeBase.deleteMany({ where: { id } });
        if (count === 0) throw new NotFoundError('there is no such knowledge base');
        return documents.map((document) => document.id);
      });
      await clear(documentIds);
    },
    async deleteDocument(id) {
      await cancel([id]);
      const { count } = await prisma.document.deleteMany({ where: { id } });
      if (count === 0) throw new NotFoundError('there is no such document');
      await clear([id]);
    },
    async search(base, { viewer, ...request }) {
      return search(base, { ...valid(searchInput, request), viewer });
    },
    work: {
      DOCUMENT: createDocumentWork({
        ...{ converter, chunks, parts, log, replaced: clear },
        documents: createDocuments(database),
      }),
    },
    clearParts: parts.clearLeft,
    clearChunks: chunks.removeLeft,
  };
}
