import { type Artifacts, readVectors } from '../artifacts/index.ts';
import type { Database, KnowledgeBase, Tier } from '../database/index.ts';
import type { Feed, TaskRow } from '../events/index.ts';
import type { EmbeddingOutput } from '../kinds/index.ts';
import type { Log } from '../log.ts';
import type { Tasks } from '../tasks/index.ts';
import { TEXT_SEARCH } from './chunks.ts';
import { embeddingOf } from './parts.ts';
import { type ChunkKey, SEEN, type VectorIndex } from './vector-index.ts';
import { normalized } from './vectors.ts';
import { spaced } from './words.ts';

/** A chunk that a search found. */
export interface SearchHit {
  readonly documentId: string;
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
    await tasks.cancel(taskId).catch((error: unknown) => log.debug({ err: error, taskId }, 'it had ended'));
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

  /** By meaning, where the nodes allow it: a search by words alone is better than none. */
  async function byMeaning(
    base: KnowledgeBase,
    request: SearchRequest,
    limit: number,
  ): Promise<ChunkKey[] | null> {
    const about = { knowledgeBaseId: base.id, model: base.embeddingModel };
    let vector: Float32Array | null;
    try {
      vector = await embed(base, request);
    } catch (error) {
      log.warn({ err: error, ...about }, 'a query could not be embedded: searched by words alone');
      return null;
    }
    if (vector === null || vector.length !== base.dimensions) {
      log.warn(
        { ...about, dimensions: vector?.length ?? null },
        'a query has no fit vector: searched by words alone',
      );
      return null;
    }
    return index.nearest({ knowledgeBaseId: base.id, vector, limit });
  }

  /** The chunks of a knowledge base that fit a query best, by their words and by their meaning. */
  return async function search(base: KnowledgeBase, request: SearchRequest): Promise<SearchHit[]> {
    // Nothing is indexed yet.
    if (base.dimensions === null) return [];
    const limit = Math.max(MIN_CANDIDATES, request.first * 2);
    const [words, meaning] = await Promise.all([
      pool.query<ChunkKey>(byWords, [base.id, spaced(request.query), limit]),
      byMeaning(base, request, limit),
    ]);
    const best = fuse([words.rows, ...(meaning ? [meaning] : [])]).slice(0, request.first);
    const { rows } = await pool.query<SearchHit & ChunkKey>(selectHits, [
      best.map(({ documentId }) => documentId),
      best.map(({ ordinal }) => ordinal),
    ]);
    const hits = new Map(rows.map((row) => [keyOf(row), row]));
    return best.flatMap(({ score, ...key }) => {
      const hit = hits.get(keyOf(key));
      return hit ? [{ ...hit, score }] : [];
    });
  };
}
