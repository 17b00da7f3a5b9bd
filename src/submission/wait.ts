import { setTimeout as pause } from 'node:timers/promises';
import { type Feed, isFinal } from '../events/index.ts';

/** By then a task that can start at once is with its node: reading it any sooner would only delay its claim. */
const FIRST_LOOK_MS = 10;

/** Resolves when the task is final or gone, when the time is over, or when one of `signals` is aborted. */
export async function untilFinal(
  feed: Feed,
  taskId: string,
  { ms, signals }: { ms: number; signals: readonly AbortSignal[] },
): Promise<void> {
  const over = AbortSignal.any([...signals, AbortSignal.timeout(ms)]);
  await pause(Math.min(ms, FIRST_LOOK_MS));
  for await (const { status } of feed.task(taskId, { signal: over })) if (isFinal(status)) return;
}
