import { expect, test, vi } from 'vitest';
import type { Claimed } from '../../src/tasks/index.ts';
import { createDispatcher } from '../../src/worker/dispatcher.ts';
import { testLog } from '../support/log.ts';

const claimed = (taskId: string): Claimed => ({
  lease: { taskId, attempt: 1, nodeId: 'n', slotNo: 1, epoch: 1, job: { id: taskId, retryCount: 0 } },
  userId: 'u',
  queueId: 'q',
  kind: 'TEXT_TO_IMAGE',
  model: 'fox',
  input: {},
  timeoutMs: 1_000,
  deadline: null,
  cost: 1,
  isSwap: false,
  claimedAt: 0,
});

/** A dispatcher over claims that the test answers one by one. */
function dispatch({ room = 2 } = {}) {
  const claims: { limit: number; answer: PromiseWithResolvers<Claimed[]> }[] = [];
  const started: string[] = [];
  const stopping = new AbortController();
  const dispatcher = createDispatcher({
    claim(limit) {
      const answer = Promise.withResolvers<Claimed[]>();
      claims.push({ limit, answer });
      return answer.promise;
    },
    room: () => room - started.length,
    start: ({ lease }) => started.push(lease.taskId),
    log: testLog,
  });
  const done = dispatcher.run(stopping.signal);
  return {
    ...dispatcher,
    started,
    claims,
    async answer(...taskIds: string[]) {
      claims.at(-1)?.answer.resolve(taskIds.map(claimed));
      await new Promise((resolve) => setImmediate(resolve));
    },
    stop() {
      stopping.abort();
      return done;
    },
  };
}

test('claims never overlap, and a wake during one is followed by another', async () => {
  const { claims, wake, answer, stop, started } = dispatch();
  expect(claims).toHaveLength(1);
  wake();
  wake();
  expect(claims).toHaveLength(1);
  await answer('a');
  expect(started).toEqual(['a']);
  expect(claims).toHaveLength(2);
  await answer();
  expect(claims).toHaveLength(2);
  await stop();
});

test('a claim that was filled is followed by another, within what there is room for', async () => {
  const { claims, answer, stop } = dispatch({ room: 3 });
  await answer('a', 'b', 'c');
  expect(claims.map(({ limit }) => limit)).toEqual([3]);
  await stop();
});

test('looks again within about a second when nobody wakes it, and after a claim that failed', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const { claims, stop, answer } = dispatch();
    claims[0]?.answer.reject(new Error('no database'));
    await vi.advanceTimersByTimeAsync(1_500);
    expect(claims).toHaveLength(2);
    await answer();
    await stop();
  } finally {
    vi.useRealTimers();
  }
});

test('what a last claim brought is started before the loop ends', async () => {
  const { answer, stop, started } = dispatch();
  const stopped = stop();
  await answer('a');
  await stopped;
  expect(started).toEqual(['a']);
});
