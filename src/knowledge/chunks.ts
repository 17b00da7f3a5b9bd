import type { Database } from '../database/index.ts';
import { vectorText } from './vectors.ts';
import { spaced } from './words.ts';

/** A chunk of a document's text, and what it is found by. */
export interface Chunk {
  readonly ordinal: number;
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** What an attempt has made of a document: nobody sees it before it is published. */
export interface Edition {
  readonly documentId: string;
  readonly knowledgeBaseId: string;
  /** The attempt's number. */
  readonly edition: number;
}

/** The configuration of PostgreSQL's text search; in languages other than English words are found as they are. */
export const TEXT_SEARCH = 'english';

const insert = `
  INSERT INTO chunk (document_id, edition, knowledge_base_id, ordinal, start_offset, end_offset, text, words, embedding)
  SELECT $1, $2, $3, ordinal, start_offset, end_offset, text, to_tsvector('${TEXT_SEARCH}', words), embedding::real[]
  FROM unnest($4::int[], $5::int[], $6::int[], $7::text[], $8::text[], $9::text[])
    AS c (ordinal, start_offset, end_offset, text, words, embedding)`;

const purge = `
  DELETE FROM chunk WHERE (document_id, edition, ordinal) IN (
    SELECT document_id, edition, ordinal FROM chunk WHERE document_id = $1 AND edition IS DISTINCT FROM $2 LIMIT $3)`;

/** Rows of one statement: well within its time. */
const PURGE_GROUP = 5_000;

// What is of no document, of another edition than the one that is seen, or of an attempt that has ended.
const selectLeft = `
  SELECT e.document_id AS "documentId", d.edition
  FROM (SELECT DISTINCT document_id, edition FROM chunk) e
  LEFT JOIN document d ON d.id = e.document_id LEFT JOIN task t ON t.id = d.id
  WHERE d.id IS NULL
    OR CASE WHEN d.edition IS NULL THEN t.status <> 'RUNNING' OR t.attempt <> e.edition ELSE d.edition <> e.edition END`;

export interface Chunks {
  store(edition: Edition, chunks: readonly Chunk[], vectors: readonly Float32Array[]): Promise<void>;
  /** Removes a document's chunks, but for those of that edition. */
  remove(documentId: string, except?: number): Promise<void>;
  /** Removes what nobody sees and nobody writes any more. Answers of how many documents. */
  removeLeft(): Promise<number>;
}

export function createChunks({ pool }: Pick<Database, 'pool'>): Chunks {
  async function remove(documentId: string, except: number | null = null): Promise<void> {
    for (;;) {
      const { rowCount } = await pool.query(purge, [documentId, except, PURGE_GROUP]);
      if ((rowCount ?? 0) < PURGE_GROUP) return;
    }
  }

  return {
    async store({ documentId, edition, knowledgeBaseId }, chunks, vectors) {
      await pool.query(insert, [
        ...[documentId, edition, knowledgeBaseId],
        chunks.map(({ ordinal }) => ordinal),
        chunks.map(({ start }) => start),
        chunks.map(({ end }) => end),
        chunks.map(({ text }) => text),
        chunks.map(({ text }) => spaced(text)),
        vectors.map((vector) => vectorText(vector)),
      ]);
    },
    remove: (documentId, except) => remove(documentId, except),
    async removeLeft() {
      const { rows } = await pool.query<{ documentId: string; edition: number | null }>(selectLeft);
      for (const { documentId, edition } of rows) await remove(documentId, edition);
      return rows.length;
    },
  };
}
