import { ignored, isLive, isOpen, mirrored } from './parts.ts';
import type { LogEntry, Outcome, Part, State } from './types.ts';

/** Whether the generation goes on no more, whatever becomes of its tasks. */
export const isStopped = ({ status }: State): boolean => status === 'CANCELED' || status === 'FAILED';

/** Whether somebody put the task back into its queue although the generation had done with it. */
const wasRetried = (part: Part): boolean => !isOpen(part) && part.seenVersion > 0;

/** What of a stopped generation is still to be canceled. */
export const isLeft = (part: Part): boolean => isLive(part) && !wasRetried(part);

export interface WindUpOptions {
  /** What is to be told. */
  readonly log?: readonly LogEntry[];
  /** Whether the time is not over in which somebody may submit what is not there. */
  readonly isAwaited?: boolean | undefined;
}

/** What follows for a stopped generation: its tasks are waited for, which whoever looks cancels. */
export function windUp(
  state: State,
  parts: readonly Part[],
  { log = [], isAwaited = false }: WindUpOptions = {},
): Outcome {
  const after = parts.map((part) => {
    if (isLeft(part)) return part;
    if (part.task === null) return isOpen(part) ? { ...part, status: 'CANCELED' as const } : part;
    return isOpen(part) ? mirrored(part) : ignored(part);
  });
  // Somebody may be about to submit what is not there, and not have heard yet that nobody wants it.
  const hasLeft = parts.some(isLeft);
  const mayCome = parts.some((part) => part.task === null && (isOpen(part) || hasLeft || isAwaited));
  return { state, parts: after, log, follow: mayCome ? 'later' : hasLeft ? 'now' : 'no' };
}
