import type { Database, DocumentStage, TaskPriority, Tier } from '../database/index.ts';
import type { Edition } from './chunks.ts';
import { deleted, refused, UnlikeVectorsError } from './faults.ts';

/** A document as an attempt finds it. */
export interface OpenDocument {
  readonly knowledgeBaseId: string;
  readonly userId: string;
  readonly name: string;
  readonly embeddingModel: string;
  /** Of the vectors of its knowledge base; null where that has none yet. */
  readonly dimensions: number | null;
  readonly tier: Tier;
  readonly priority: TaskPriority;
  /** Set where an earlier attempt published it, and was lost before its task was settled. */
  readonly edition: number | null;
}

const select = `
  SELECT d.knowledge_base_id AS "knowledgeBaseId", d.user_id AS "userId", d.name, d.edition,
         k.embedding_model AS "embeddingModel", k.dimensions, u.tier, t.priority
  FROM document d JOIN knowledge_base k ON k.id = d.knowledge_base_id JOIN user_account u ON u.id = d.user_id
  JOIN task t ON t.id = d.id WHERE d.id = $1`;

const setStage = `
  UPDATE document SET stage = $2, chunk_count = coalesce($3, chunk_count), mime_type = coalesce($4, mime_type),
    size_bytes = coalesce($5, size_bytes)
  WHERE id = $1 AND edition IS NULL`;

// Nobody ends the attempt meanwhile. Behind the task: knowledge base, then documents by id.
const lockTask = `SELECT FROM task WHERE id = $1 AND status = 'RUNNING' AND attempt = $2 FOR SHARE`;
const lockBase = 'SELECT dimensions FROM knowledge_base WHERE id = $1 FOR UPDATE';
const setDimensions = 'UPDATE knowledge_base SET dimensions = $2 WHERE id = $1 AND dimensions IS NULL';
const selectSame = `
  SELECT d.id, d.edition IS NOT NULL AS "isIndexed" FROM document d, document self
  WHERE self.id = $1 AND d.knowledge_base_id = self.knowledge_base_id AND d.name = self.name
  ORDER BY d.id FOR UPDATE OF d`;
const remove = 'DELETE FROM document WHERE id = ANY ($1::uuid[])';
const show = `UPDATE document SET stage = 'INDEXED', edition = $2, chunk_count = $3 WHERE id = $1`;

/** What may be known of a document while it is worked on. */
export interface StageDetails {
  readonly chunkCount?: number;
  readonly mimeType?: string;
  readonly sizeBytes?: number;
}

export interface Documents {
  /** @throws NodeFault where it was deleted */
  open(id: string): Promise<OpenDocument>;
  /** Notes how far it has come. @throws NodeFault where it was deleted */
  enter(id: string, stage: DocumentStage, details?: StageDetails): Promise<void>;
  /**
   * Has an edition be what is seen, in one transaction, and the older documents of its name not be any more.
   * @returns the ids of those
   * @throws NodeFault where it was deleted, or replaced itself; UnlikeVectorsError where its vectors can't be compared
   * with the others
   */
  publish(
    edition: Edition,
    made: { readonly chunkCount: number; readonly dimensions: number },
  ): Promise<string[]>;
}

export function createDocuments({ pool, lanes }: Database): Documents {
  return {
    async open(id) {
      const { rows } = await pool.query<OpenDocument>(select, [id]);
      const [found] = rows;
      if (!found) throw deleted();
      return found;
    },
    async enter(id, stage, { chunkCount, mimeType, sizeBytes } = {}) {
      const values = [chunkCount ?? null, mimeType ?? null, sizeBytes ?? null];
      const { rowCount } = await pool.query(setStage, [id, stage, ...values]);
      if (rowCount === 0) throw deleted();
    },
    publish({ documentId, knowledgeBaseId, edition }, { chunkCount, dimensions }) {
      return lanes.transact(async (tx) => {
        const running = await tx.query(lockTask, [documentId, edition]);
        if (running.length === 0) throw refused('the attempt had ended before its document was indexed');
        const [base] = await tx.query<{ dimensions: number | null }>(lockBase, [knowledgeBaseId]);
        if (!base) throw deleted();
        const expected = base.dimensions ?? dimensions;
        if (expected !== dimensions) throw new UnlikeVectorsError(dimensions, expected);
        const same = await tx.query<{ id: string; isIndexed: boolean }>(selectSame, [documentId]);
        const isThere = same.some(({ id }) => id === documentId);
        if (!isThere || same.some(({ id, isIndexed }) => isIndexed && id > documentId)) throw deleted();
        const replaced = same.map(({ id }) => id).filter((id) => id < documentId);
        await tx.query(remove, [replaced]);
        await tx.query(setDimensions, [knowledgeBaseId, dimensions]);
        await tx.query(show, [documentId, edition, chunkCount]);
        return replaced;
      });
    },
  };
}
