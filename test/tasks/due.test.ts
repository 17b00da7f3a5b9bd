import { expect, test } from 'vitest';
import type { Announcement } from '../../src/events/index.ts';
import type { Claimed } from '../../src/tasks/index.ts';
import { createWaker } from '../../src/waker.ts';
import { claimOne, failure, finish, type Process, submission, success, useYard } from '../support/yard.ts';

const open = useYard();

const { signal } = new AbortController();
/** Longer than a test may take: only what is told wakes anybody. */
const NEVER_MS = 60_000;

/**
 * Claims whenever the process is told of such a thing, as a dispatcher does, which has to bear with what is of
 * somebody else; answers the first that there is. Listens from now on.
 */
async function claimWhenTold(
  { tasks, carrier, workerId }: Process,
  type: Announcement['type'],
): Promise<Claimed> {
  const waker = createWaker();
  const deafen = carrier.listen((heard) => {
    if (heard.type === type) waker.wake();
  });
  try {
    for (;;) {
      await waker.wait(NEVER_MS, signal);
      const [claimed] = await tasks.claim({ workerId, limit: 1 });
      if (claimed) return claimed;
    }
  } finally {
    deafen();
  }
}

test('a queue is announced when its next try is due, to every process', async () => {
  const yard = open();
  const other = await yard.another();
  await yard.addNode({ models: ['due'] });
  await yard.tasks.submit(submission(await yard.addUser(), { model: 'due' }), 'VIP');
  const claimed = await claimOne(yard);
  await yard.tasks.freeSlot(claimed.lease, { gpuMs: 1 });
  const claiming = claimWhenTold(other, 'queue');
  await yard.tasks.settle(failure(claimed, { retryAfterMs: 400 }));
  const again = await claiming;
  expect(again.lease).toMatchObject({ taskId: claimed.lease.taskId, attempt: 2 });
  await finish(other.tasks, success(again));
});

test('a slot is announced when it has cooled down', async () => {
  const yard = open();
  await yard.addNode({ models: ['cool'] });
  const userId = await yard.addUser();
  for (let n = 0; n < 2; n++) await yard.tasks.submit(submission(userId, { model: 'cool' }), 'VIP');
  const [first] = await yard.tasks.claim({ workerId: yard.workerId, limit: 1 });
  if (first === undefined) throw new Error('nothing was claimed');
  await yard.tasks.settle(success(first));
  const claiming = claimWhenTold(yard, 'slots');
  await yard.tasks.freeSlot(first.lease, { gpuMs: 1, coolDownMs: 400 });
  await finish(yard.tasks, success(await claiming));
});
