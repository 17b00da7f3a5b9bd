import { aborting, type CallOptions, type Dependencies } from './calls.ts';
import { unwrap } from './errors.ts';
import {
  type BatchFragment,
  GetBatchDocument,
  SubmitTasksDocument,
  type SubmitTasksInput,
  WatchBatchDocument,
} from './generated/operations.ts';
import { randomKey } from './random-key.ts';
import { backOff, withRetries } from './retry.ts';

export type Batch = BatchFragment;

export interface Batches {
  /**
   * Submits all of the tasks or none, and answers when they are stored durably. Without an idempotency key of the
   * caller's the batch gets one, so that a repeated call after a lost answer is the same batch. Its tasks:
   * `tasks({ batchId })`.
   */
  submitBatch(input: SubmitTasksInput, options?: CallOptions): Promise<Batch>;
  /** Null where there is no such batch, or it is not the caller's. */
  batch(id: string, options?: CallOptions): Promise<Batch | null>;
  /**
   * The batch as it is, then after changes of its tasks, until all of them are final or it is deleted. Reconnects; a
   * slow reader gets the newest state only.
   */
  watchBatch(id: string, options?: CallOptions): AsyncGenerator<Batch, void, undefined>;
}

export function createBatches({ send, socket, retries }: Dependencies): Batches {
  async function batch(id: string, { signal }: CallOptions = {}): Promise<Batch | null> {
    const attempt = () => send(GetBatchDocument, { id }, signal);
    return (await withRetries(attempt, { retries, signal })).batch;
  }

  return {
    batch,
    async submitBatch(input, { signal } = {}) {
      const keyed = { ...input, idempotencyKey: input.idempotencyKey ?? randomKey() };
      const attempt = async () =>
        unwrap((await send(SubmitTasksDocument, { input: keyed }, signal)).submitTasks);
      return withRetries(attempt, { retries, signal });
    },
    async *watchBatch(id, { signal } = {}) {
      for (;;) {
        const stream = socket.stream(WatchBatchDocument, () => ({ id }), { signal, latestOnly: true });
        let last: Batch | undefined;
        for await (const { batchUpdated } of stream) {
          last = batchUpdated;
          yield batchUpdated;
        }
        // It ended before its tasks did, as when a server shuts down; or it is gone.
        const isOver = last != null && last.finishedAt !== null;
        if (isOver || (await batch(id, aborting(signal))) === null) return;
        await backOff(0, null, signal);
      }
    },
  };
}
