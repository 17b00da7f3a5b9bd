import type { Database } from '../database/index.ts';
import type { Log } from '../log.ts';
import { product, vectorText } from './vectors.ts';

/** Which chunk: a hit of one of the ways to search. */
export interface ChunkKey {
  readonly documentId: string;
  readonly ordinal: number;
}

/** What statements are sent to: the pool, or one transaction of it. */
export type Reader = Pick<Database['pool'], 'query'>;

/** What is looked for: of length 1, with as many numbers as the vectors have. */
export interface VectorQuery {
  readonly knowledgeBaseId: string;
  readonly vector: Float32Array;
  readonly limit: number;
}

/** Finds the chunks of a knowledge base whose vectors are nearest to a query's. */
export interface VectorIndex {
  /**
   * The nearest first.
   * @param view the transaction that sees what else the search reads; on its own by default
   */
  nearest(query: VectorQuery, view?: Reader): Promise<ChunkKey[]>;
}

/** What is seen: the chunks of the edition that a document names. */
export const SEEN = 'chunk c JOIN document d ON d.id = c.document_id AND d.edition = c.edition';

const nearestInServer = `
  SELECT c.document_id AS "documentId", c.ordinal FROM ${SEEN}
  WHERE c.knowledge_base_id = $1 ORDER BY c.embedding::vector <=> $2::vector LIMIT $3`;

/** In the server, by pgvector: every vector is compared, so that nothing near is missed. */
export function createPgvectorIndex({ pool }: Pick<Database, 'pool'>): VectorIndex {
  return {
    async nearest({ knowledgeBaseId, vector, limit }, view = pool) {
      const values = [knowledgeBaseId, vectorText(vector, '[]'), limit];
      return (await view.query<ChunkKey>(nearestInServer, values)).rows;
    },
  };
}

const selectDocuments = `
  SELECT id, edition, chunk_count AS "chunkCount" FROM document
  WHERE knowledge_base_id = $1 AND edition IS NOT NULL ORDER BY id`;

const selectVectors = `
  SELECT c.document_id AS "documentId", c.ordinal, array_send(c.embedding) AS embedding
  FROM unnest($1::uuid[], $2::int[], $3::int[], $4::int[]) AS r (id, edition, first, last)
  JOIN chunk c ON c.document_id = r.id AND c.edition = r.edition AND c.ordinal BETWEEN r.first AND r.last`;

/** Vectors that are in memory at a time. */
const PAGE = 4_000;

/** Before the numbers of an array of one dimension in PostgreSQL's binary form, and before each of them. */
const ARRAY_HEADER_BYTES = 20;
const LENGTH_BYTES = 4;
const NUMBER_BYTES = 4;

function readArray(bytes: Buffer): Float32Array {
  const step = LENGTH_BYTES + NUMBER_BYTES;
  const count = Math.max(0, (bytes.length - ARRAY_HEADER_BYTES) / step);
  const numbers = new Float32Array(count);
  for (let n = 0; n < count; n++)
    numbers[n] = bytes.readFloatBE(ARRAY_HEADER_BYTES + n * step + LENGTH_BYTES);
  return numbers;
}

interface Range {
  readonly id: string;
  readonly edition: number;
  readonly first: number;
  readonly last: number;
}

interface IndexedDocument {
  readonly id: string;
  readonly edition: number;
  readonly chunkCount: number;
}

/** Ranges of documents' chunks, a page of them at a time. */
function* pagesOf(documents: readonly IndexedDocument[]): Generator<Range[]> {
  let page: Range[] = [];
  let room = PAGE;
  for (const { id, edition, chunkCount } of documents) {
    for (let first = 0; first < chunkCount; ) {
      const last = Math.min(chunkCount, first + room) - 1;
      page.push({ id, edition, first, last });
      room -= last - first + 1;
      first = last + 1;
      if (room > 0) continue;
      yield page;
      page = [];
      room = PAGE;
    }
  }
  if (page.length > 0) yield page;
}

/** In this process, vector by vector, a page at a time: for servers without pgvector. */
export function createExactIndex({ pool }: Pick<Database, 'pool'>): VectorIndex {
  async function scores(
    view: Reader,
    page: readonly Range[],
    vector: Float32Array,
  ): Promise<(ChunkKey & { score: number })[]> {
    const { rows } = await view.query<ChunkKey & { embedding: Buffer }>(selectVectors, [
      page.map(({ id }) => id),
      page.map(({ edition }) => edition),
      page.map(({ first }) => first),
      page.map(({ last }) => last),
    ]);
    return rows.map(({ documentId, ordinal, embedding }) => ({
      documentId,
      ordinal,
      score: product(readArray(embedding), vector),
    }));
  }

  return {
    async nearest({ knowledgeBaseId, vector, limit }, view = pool) {
      const { rows } = await view.query<IndexedDocument>(selectDocuments, [knowledgeBaseId]);
      let best: (ChunkKey & { score: number })[] = [];
      for (const page of pagesOf(rows)) {
        const all = [...best, ...(await scores(view, page, vector))];
        best = all.sort((a, b) => b.score - a.score).slice(0, limit);
      }
      return best;
    },
  };
}

const isInstalled = "SELECT FROM pg_extension WHERE extname = 'vector'";
const isAvailable = "SELECT FROM pg_available_extensions WHERE name = 'vector'";

/** By pgvector where the server has it, and has it made ours; else exactly as fast as this process can. */
export async function openVectorIndex(database: Pick<Database, 'pool'>, log: Log): Promise<VectorIndex> {
  const { pool } = database;
  const has = async (sql: string): Promise<boolean> => (await pool.query(sql)).rowCount === 1;
  if (!(await has(isInstalled)) && (await has(isAvailable))) {
    await pool.query('CREATE EXTENSION IF NOT EXISTS vector').catch((error: unknown) => {
      // Not allowed to; or another process is doing it at this moment.
      log.warn({ err: error }, 'pgvector is there, but could not be installed: run CREATE EXTENSION vector');
    });
  }
  return (await has(isInstalled)) ? createPgvectorIndex(database) : createExactIndex(database);
}
