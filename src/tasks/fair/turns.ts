/** A waiting task near the head of its queue. */
export interface Turn {
  readonly userId: string;
  /** What it is expected to take on a node. */
  readonly seconds: number;
  /** Seconds by which its priority is ahead. */
  readonly leadSeconds: number;
}

/** What a user has had lately of all nodes, and has now: in seconds by weight. */
export interface UserLoad {
  readonly seconds: number;
  readonly weight: number;
}

const none: UserLoad = { seconds: 0, weight: 1 };

/**
 * Tags by which the heads of several queues take turns at the nodes that they compete for: whose user has had
 * less is first. A queue that gets nothing gains a second with each second, so that none starves, whatever
 * comes into the others: it waits for no longer than its user had more.
 * @param turns the heads of one queue, in its order
 * @param waitedSeconds for how long the queue has waited since it was last served
 * @returns a tag for each, which never fall along the queue
 */
export function turnTags(
  turns: readonly Turn[],
  loads: ReadonlyMap<string, UserLoad>,
  waitedSeconds: number,
): number[] {
  const ahead = new Map<string, number>();
  let last = Number.NEGATIVE_INFINITY;
  return turns.map(({ userId, seconds, leadSeconds }) => {
    const { seconds: had, weight } = loads.get(userId) ?? none;
    const before = ahead.get(userId) ?? had;
    ahead.set(userId, before + seconds / weight);
    last = Math.max(last, before - leadSeconds - waitedSeconds);
    return last;
  });
}
