import { type Feed, isFinal } from '../events/index.ts';

/** Resolves when the task is final or gone, when the time is over, or when one of `signals` is aborted. */
export async function untilFinal(
  feed: Feed,
  taskId: string,
  { ms, signals }: { ms: number; signals: readonly AbortSignal[] },
): Promise<void> {
  const over = AbortSignal.any([...signals, AbortSignal.timeout(ms)]);
  for await (const { status } of feed.task(taskId, { signal: over })) if (isFinal(status)) return;
}
