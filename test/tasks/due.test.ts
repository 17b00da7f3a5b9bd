import { expect, test } from 'vitest';
import type { Announcement, Carrier } from '../../src/events/index.ts';
import { claimOne, drain, failure, finish, submission, success, useYard } from '../support/yard.ts';

const open = useYard();

/** Resolves when such an announcement is heard. */
function heard(carrier: Carrier, matches: (announcement: Announcement) => boolean): Promise<void> {
  return new Promise((resolve) => {
    const deafen = carrier.listen((announcement) => {
      if (announcement.type === 'resync' || !matches(announcement)) return;
      deafen();
      resolve();
    });
  });
}

test('a queue is announced when its next try is due, to every process', async () => {
  const yard = open();
  const other = await yard.another();
  await yard.addNode({ models: ['due'] });
  await yard.tasks.submit(submission(await yard.addUser(), { model: 'due' }), 'VIP');
  const claimed = await claimOne(yard);
  await yard.tasks.freeSlot(claimed.lease, { gpuMs: 1 });
  const told = heard(other.carrier, ({ type }) => type === 'queue');
  await yard.tasks.settle(failure(claimed, { retryAfterMs: 400 }));
  await told;
  expect((await drain(other)).map(({ lease }) => lease.attempt)).toEqual([2]);
});

test('a slot is announced when it has cooled down', async () => {
  const yard = open();
  await yard.addNode({ models: ['cool'] });
  const userId = await yard.addUser();
  for (let n = 0; n < 2; n++) await yard.tasks.submit(submission(userId, { model: 'cool' }), 'VIP');
  const [first] = await yard.tasks.claim({ workerId: yard.workerId, limit: 1 });
  if (first === undefined) throw new Error('nothing was claimed');
  await yard.tasks.settle(success(first));
  const told = heard(yard.carrier, ({ type }) => type === 'slots');
  await yard.tasks.freeSlot(first.lease, { gpuMs: 1, coolDownMs: 400 });
  await told;
  await finish(yard.tasks, success(await claimOne(yard)));
});
