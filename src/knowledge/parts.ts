import { hash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Artifacts, readVectors } from '../artifacts/index.ts';
import type { Database } from '../database/index.ts';
import {
  InvalidStateError,
  NoSuchModelError,
  NotFoundError,
  QueueFullError,
  QuotaExceededError,
  RateLimitedError,
} from '../errors.ts';
import type { Feed, TaskRow } from '../events/index.ts';
import { encodeId } from '../ids.ts';
import type { EmbeddingOutput } from '../kinds/index.ts';
import type { Log } from '../log.ts';
import { cancelIfOpen, type Submission, type TaskFailure, type Tasks } from '../tasks/index.ts';
import type { OpenDocument } from './documents.ts';
import { failed, refused } from './faults.ts';
import { normalized } from './vectors.ts';

export interface PartsOptions {
  readonly database: Database;
  readonly artifacts: Artifacts;
  readonly tasks: Pick<Tasks, 'submit' | 'retry' | 'cancel' | 'remove'>;
  readonly feed: Feed;
  readonly log: Log;
}

/** What became of some texts. */
export interface Embedded {
  /** Each of length 1. */
  readonly vectors: Float32Array[];
  /** Who made them. */
  readonly nodeId: string | null;
}

/** The EMBEDDING tasks that work for documents. */
export interface Parts {
  /**
   * The vectors of some texts of a document. However often it is asked for, there is one task.
   * @throws NodeFault where they can't be had; the signal's reason
   */
  embed(
    document: OpenDocument & { readonly id: string },
    texts: readonly string[],
    signal: AbortSignal,
  ): Promise<Embedded>;
  /** Null where it is nobody's, or gone. */
  nodeName(nodeId: string | null): Promise<string | null>;
  /** Has what was embedded for a document be embedded anew the next time. */
  discard(documentId: string): Promise<void>;
  /**
   * Cancels those that work for a document which has ended, and removes them where it is indexed or gone: what they
   * made is in the index, or of no use. Where it failed, a retry takes up what they made, or they go with it. Answers how
   * many.
   */
  clearLeft(): Promise<number>;
}

/** Where nobody says when: a place in a queue may be free again. */
const REFUSED_PAUSE_MS = 1_000;
const MAX_GROUP = 200;
const SEARCH_ENDS_WITHIN_SECONDS = 30;
const FINAL = "'SUCCEEDED', 'FAILED', 'CANCELED'";

const link = 'INSERT INTO document_part (task_id, document_id) VALUES ($1, $2) ON CONFLICT DO NOTHING';
const selectParts = `SELECT task_id AS id, true AS "isDone" FROM document_part WHERE document_id = $1`;
/**
 * Of a document, or where it is its own, of a search: what a search of a lost process left has ended by itself. What has
 * ended for a document that failed stays with it.
 */
const selectLeft = `
  SELECT p.task_id AS id, d.id IS NULL OR d.edition IS NOT NULL AS "isDone" FROM document_part p
  JOIN task own ON own.id = p.task_id
  LEFT JOIN document d ON d.id = p.document_id LEFT JOIN task t ON t.id = p.document_id
  WHERE CASE WHEN p.document_id = p.task_id THEN t.finished_at < now() - interval '${SEARCH_ENDS_WITHIN_SECONDS} s'
    ELSE d.id IS NULL OR d.edition IS NOT NULL OR t.status IN (${FINAL}) AND own.status NOT IN (${FINAL}) END
  LIMIT ${MAX_GROUP}`;

/** An EMBEDDING task of somebody's for a purpose of ours. */
export function embeddingOf(
  { userId, embeddingModel }: { readonly userId: string; readonly embeddingModel: string },
  texts: readonly string[],
  more: Partial<Submission> = {},
): Submission {
  return {
    ...{ userId, kind: 'EMBEDDING', model: embeddingModel, input: { texts }, priority: 'NORMAL' },
    ...{ startAt: null, deadline: null, timeoutMs: null, maxAttempts: 3, labels: null, idempotencyKey: null },
    inputHash: hash('sha256', JSON.stringify([embeddingModel, texts]), 'buffer'),
    artifactIds: [],
    ...more,
  };
}

/** How long to wait where a submission is refused for now; null where it is refused for good. */
function pauseAfter(error: unknown): number | null {
  if (error instanceof RateLimitedError || error instanceof QueueFullError) return error.retryAfterMs;
  return error instanceof QuotaExceededError ? REFUSED_PAUSE_MS : null;
}

interface LeftPart {
  readonly id: string;
  /** Whether nobody needs what it made. */
  readonly isDone: boolean;
}

export function createParts({ database: { pool }, artifacts, tasks, feed, log }: PartsOptions): Parts {
  async function submit(
    submission: Submission,
    { tier }: OpenDocument,
    signal: AbortSignal,
  ): Promise<string> {
    for (;;) {
      try {
        return (await tasks.submit(submission, tier)).taskId;
      } catch (error) {
        if (error instanceof NoSuchModelError) throw failed(error.message, error);
        const pause = pauseAfter(error);
        if (pause === null) throw error;
        await sleep(pause, undefined, { signal });
      }
    }
  }

  /** One that failed for an earlier attempt of the document is tried again. */
  async function revive(taskId: string): Promise<void> {
    try {
      await tasks.retry(taskId);
    } catch (error) {
      // It is under way, or has succeeded meanwhile.
      if (!(error instanceof InvalidStateError || error instanceof NotFoundError)) throw error;
    }
  }

  async function ended(taskId: string, signal: AbortSignal): Promise<TaskRow | null> {
    let last: TaskRow | null = null;
    for await (const row of feed.task(taskId, { signal })) last = row;
    signal.throwIfAborted();
    return last;
  }

  async function end({ id, isDone }: LeftPart): Promise<void> {
    await cancelIfOpen(tasks, id);
    if (isDone) await tasks.remove(id);
  }

  /** Answers how many. */
  async function endAll(left: readonly LeftPart[]): Promise<number> {
    const ended = await Promise.all(
      left.map(async (part) => {
        try {
          await end(part);
          return true;
        } catch (error) {
          // Another process was quicker.
          if (error instanceof NotFoundError) return true;
          // It comes round again; the others need not wait for it.
          log.warn({ err: error, taskId: part.id }, 'a part of a document could not be ended');
          return false;
        }
      }),
    );
    return ended.filter(Boolean).length;
  }

  return {
    async embed(document, texts, signal) {
      const key = hash('sha256', JSON.stringify([document.embeddingModel, texts]), 'base64url');
      const submission = embeddingOf(document, texts, {
        priority: document.priority,
        labels: { document: encodeId('Document', document.id) },
        idempotencyKey: `document/${document.id}/${key}`,
      });
      const taskId = await submit(submission, document, signal);
      await pool.query(link, [taskId, document.id]);
      const { rows } = await pool.query<{ status: string }>('SELECT status FROM task WHERE id = $1', [
        taskId,
      ]);
      if (rows[0]?.status === 'FAILED' || rows[0]?.status === 'CANCELED') await revive(taskId);
      const task = await ended(taskId, signal);
      if (task?.status !== 'SUCCEEDED') throw explain(task);
      // Stored as the kind's output schema answered it.
      const vectors = await readVectors(artifacts, task.data?.result as EmbeddingOutput);
      if (vectors.length !== texts.length)
        throw failed('a part of the document came back with vectors missing');
      return { vectors: vectors.map(normalized), nodeId: task.nodeId };
    },
    async nodeName(nodeId) {
      const { rows } = await pool.query<{ name: string }>('SELECT name FROM gpu_node WHERE id = $1', [
        nodeId,
      ]);
      return rows[0]?.name ?? null;
    },
    async discard(documentId) {
      await endAll((await pool.query<LeftPart>(selectParts, [documentId])).rows);
    },
    clearLeft: async () => endAll((await pool.query<LeftPart>(selectLeft)).rows),
  };
}

function explain(task: TaskRow | null) {
  const what = 'a part of the document could not be embedded';
  if (task === null) return failed(`${what}: its task was deleted`);
  if (task.status === 'CANCELED') return failed(`${what}: its task was canceled`);
  const error = task.data?.error as TaskFailure | null | undefined;
  const message = `${what}: ${error?.message ?? 'nobody knows why'}`;
  return error?.retryable === false ? refused(message) : failed(message);
}
