import { type Feed, isFinal } from '../events/index.ts';

/** Resolves when the task is final or gone, when the time is over, or when `signal` is aborted. */
export async function untilFinal(
  feed: Feed,
  taskId: string,
  { ms, signal }: { ms: number; signal: AbortSignal },
): Promise<void> {
  const over = AbortSignal.any([signal, AbortSignal.timeout(ms)]);
  for await (const { status } of feed.task(taskId, { signal: over })) if (isFinal(status)) return;
}
