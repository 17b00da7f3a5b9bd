import { type Artifacts, readVectors } from '../artifacts/index.ts';
import type { Database, KnowledgeBase, Tier } from '../database/index.ts';
import type { Feed, TaskRow } from '../events/index.ts';
import type { EmbeddingOutput } from '../kinds/index.ts';
import type { Log } from '../log.ts';
import { cancelIfOpen, type Tasks } from '../tasks/index.ts';
import { TEXT_SEARCH } from './chunks.ts';
import type { DocumentRow } from './listing.ts';
import { embeddingOf } from './parts.ts';
import { type ChunkKey, type Reader, SEEN, type VectorIndex } from './vector-index.ts';
import { normalized } from './vectors.ts';
import { spaced } from './words.ts';

/** A chunk that a search found. */
export interface SearchHit {
  /** As it was searched: a newer one may have its place by now. */
  readonly document: DocumentRow;
  readonly text: string;
  /** 1: first by its words and by its meaning; lower from place to place. */
  readonly score: number;
  readonly startOffset: number;
  readonly endOffset: number;
}

export interface SearchRequest {
  readonly query: string;
  readonly first: number;
  /** Who asks: the query is embedded in his name. */
  readonly viewer: { readonly userId: string; readonly tier: Tier };
}

export interface SearchOptions {
  readonly database: Database;
  readonly index: VectorIndex;
  readonly artifacts: Artifacts;
  readonly tasks: Pick<Tasks, 'submit' | 'cancel' | 'remove'>;
  readonly feed: Feed;
  /** How long the embedding of a query is waited for. */
  readonly waitMs?: number;
  readonly log: Log;
}

const WAIT_MS = 5_000;
/** What each way to search finds at least, so that the two have something to agree on. */
const MIN_CANDIDATES = 50;
/** Reciprocal rank fusion: how little the first places stand out. */
const RANK_OFFSET = 60;

// One of the words is enough, since a question has many that its answer has not; those that have all come first.
const byWords = `
  SELECT c.document_id AS "documentId", c.ordinal
  FROM ${SEEN}, plainto_tsquery('${TEXT_SEARCH}', $2) AS wanted,
    LATERAL (SELECT replace(wanted::text, ' & ', ' | ')::tsquery AS any_of) q
  WHERE c.knowledge_base_id = $1 AND c.words @@ any_of
  ORDER BY c.words @@ wanted DESC, ts_rank(c.words, any_of) DESC, c.document_id, c.ordinal LIMIT $3`;

const selectHits = `
  SELECT c.document_id AS "documentId", c.ordinal, c.text, c.start_offset AS "startOffset", c.end_offset AS "endOffset"
  FROM unnest($1::uuid[], $2::int[]) AS k (id, ordinal)
  JOIN document d ON d.id = k.id
  JOIN chunk c ON c.document_id = d.id AND c.edition = d.edition AND c.ordinal = k.ordinal`;

const selectDocuments = `
  SELECT d.id, d.knowledge_base_id AS "knowledgeBaseId", d.user_id AS "userId", d.name, d.mime_type AS "mimeType",
    d.size_bytes AS "sizeBytes", d.stage, d.chunk_count AS "chunkCount", d.edition, d.created_at AS "createdAt",
    json_build_object('status', t.status) AS task
  FROM document d JOIN task t ON t.id = d.id WHERE d.id = ANY ($1::uuid[])`;

/** Has the task of a search be removed where this process can't any more: see the parts of documents. */
const link = 'INSERT INTO document_part (task_id, document_id) VALUES ($1, $1)';

const keyOf = ({ documentId, ordinal }: ChunkKey): string => `${documentId} ${ordinal}`;

/** One ranking from several: what stands high in many of them comes first. Scores are between 0 and 1. */
export function fuse(rankings: readonly (readonly ChunkKey[])[]): (ChunkKey & { readonly score: number })[] {
  const best = rankings.length / (RANK_OFFSET + 1);
  const found = new Map<string, ChunkKey & { score: number }>();
  for (const ranking of rankings) {
    for (const [place, key] of ranking.entries()) {
      const one = found.get(keyOf(key)) ?? { documentId: key.documentId, ordinal: key.ordinal, score: 0 };
      one.score += 1 / (RANK_OFFSET + place + 1) / best;
      found.set(keyOf(key), one);
    }
  }
  return [...found.values()].sort((a, b) => b.score - a.score);
}

export function createSearch({ database, index, artifacts, tasks, feed, log, ...options }: SearchOptions) {
  const { pool } = database;
  const { waitMs = WAIT_MS } = options;

  /** Waits for the task as long as it may take; what is late is not waited for. */
  async function settled(taskId: string): Promise<TaskRow | null> {
    let last: TaskRow | null = null;
    for await (const row of feed.task(taskId, { signal: AbortSignal.timeout(waitMs) })) last = row;
    return last;
  }

  /** Its task is of no use to anybody once its vector is read. */
  async function discard(taskId: string): Promise<void> {
    await cancelIfOpen(tasks, taskId);
    await tasks.remove(taskId);
  }

  /** The query as a vector of length 1; null where it can't be had in time. */
  async function embed(base: KnowledgeBase, { query, viewer }: SearchRequest): Promise<Float32Array | null> {
    const owner = { userId: viewer.userId, embeddingModel: base.embeddingModel };
    const deadline = new Date(database.clock.now().getTime() + waitMs);
    const urgent = {
      priority: 'URGENT',
      deadline,
      timeoutMs: waitMs,
      labels: { purpose: 'search' },
    } as const;
    const { taskId } = await tasks.submit(embeddingOf(owner, [query], urgent), viewer.tier);
    try {
      await pool.query(link, [taskId]);
      const task = await settled(taskId);
      if (task?.status !== 'SUCCEEDED') return null;
      const [vector] = await readVectors(artifacts, task.data?.result as EmbeddingOutput);
      return vector ? normalized(vector) : null;
    } finally {
      await discard(taskId).catch((error: unknown) => {
        log.warn({ err: error, taskId }, 'the task of a search could not be removed');
      });
    }
  }

  /** The query as a vector where the nodes allow it: a search by words alone is better than none. */
  async function vectorOf(base: KnowledgeBase, request: SearchRequest): Promise<Float32Array | null> {
    const about = { knowledgeBaseId: base.id, model: base.embeddingModel };
    let vector: Float32Array | null;
    try {
      vector = await embed(base, request);
    } catch (error) {
      log.warn({ err: error, ...about }, 'a query could not be embedded: searched by words alone');
      return null;
    }
    if (vector !== null && vector.length === base.dimensions) return vector;
    log.warn(
      { ...about, dimensions: vector?.length ?? null },
      'a query has no fit vector: searched by words alone',
    );
    return null;
  }

  /** The chunks of a knowledge base that fit a query best, by their words and by their meaning. */
  return async function search(base: KnowledgeBase, request: SearchRequest): Promise<SearchHit[]> {
    // Nothing is indexed yet.
    if (base.dimensions === null) return [];
    const limit = Math.max(MIN_CANDIDATES, request.first * 2);
    const vector = await vectorOf(base, request);
    return inOneView(pool, async (view) => {
      const words = await view.query<ChunkKey>(byWords, [base.id, spaced(request.query), limit]);
      const meaning =
        vector === null ? [] : [await index.nearest({ knowledgeBaseId: base.id, vector, limit }, view)];
      return hitsOf(view, fuse([words.rows, ...meaning]).slice(0, request.first));
    });
  };
}

/**
 * Has all statements of `read` see the database as it was at the first of them: a document that is replaced or deleted
 * meanwhile is found as a whole.
 */
async function inOneView<T>(pool: Database['pool'], read: (view: Reader) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let isRead = false;
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const result = await read(client);
    await client.query('COMMIT');
    isRead = true;
    return result;
  } finally {
    // One that is in a transaction still is closed.
    client.release(!isRead);
  }
}

async function hitsOf(
  view: Reader,
  best: readonly (ChunkKey & { readonly score: number })[],
): Promise<SearchHit[]> {
  const ids = best.map(({ documentId }) => documentId);
  const found = await view.query<Omit<SearchHit, 'document' | 'score'> & ChunkKey>(selectHits, [
    ids,
    best.map(({ ordinal }) => ordinal),
  ]);
  const { rows } = await view.query<DocumentRow>(selectDocuments, [ids]);
  const documents = new Map(rows.map((row) => [row.id, row]));
  const chunks = new Map(found.rows.map((row) => [keyOf(row), row]));
  return best.flatMap(({ score, ...key }) => {
    const [chunk, document] = [chunks.get(keyOf(key)), documents.get(key.documentId)];
    if (!chunk || !document) return [];
    const { text, startOffset, endOffset } = chunk;
    return [{ document, text, score, startOffset, endOffset }];
  });
}
