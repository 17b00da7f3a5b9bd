import { expect, test } from 'vitest';
import { claimOne, drain, finish, submission, success, useYard, type Yard } from '../../support/yard.ts';

const open = useYard();

/** Of the claims: see `claim-lock.ts`. */
const CLAIM_LOCK = 0x5717_c1a1;

/** Two users of one model on one slot, where nothing was started yet; one has thirty tasks waiting. */
async function openLine(model: string) {
  const yard = open();
  const nodeId = await yard.addNode({ models: [model] });
  const [canceling, other] = [await yard.addUser('FREE'), await yard.addUser('FREE')];
  const submit = async (userId: string, count: number): Promise<string[]> => {
    const one = () => yard.tasks.submit(submission(userId, { model }), 'FREE');
    return (await Promise.all(Array.from({ length: count }, one))).map(({ taskId }) => taskId);
  };
  const ids = await submit(canceling, 30);
  return {
    ...{ yard, canceling, other, submit, ids },
    /** Whose the next tasks are. */
    async serve(count: number): Promise<string[]> {
      const served: string[] = [];
      for (let n = 0; n < count; n++) {
        const claimed = await claimOne(yard);
        served.push(claimed.userId);
        await finish(yard.tasks, success(claimed));
      }
      return served;
    },
    async clear(): Promise<void> {
      await yard.nodes.update(nodeId, { slots: 50 });
      await drain(yard);
    },
  };
}

const PLACING = `SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

/**
 * Cancels the tasks, of which only the last has what is left placed anew, and waits until that is done.
 * @param meanwhile is done before the queue's time is set
 */
async function cancelAndPlace(
  yard: Yard,
  userId: string,
  ids: readonly string[],
  meanwhile: () => Promise<unknown> = async () => undefined,
): Promise<void> {
  const setPlaced = (when: string) =>
    yard.sql(`UPDATE fair_share SET placed_at = ${when} WHERE user_id = $1`, [userId]);
  await setPlaced(`now() + interval '1 hour'`);
  for (const id of ids.slice(0, -1)) await yard.tasks.cancel(id);
  await setPlaced(`now() - interval '3 seconds'`);
  const claims = await yard.database.pool.connect();
  try {
    await claims.query('SELECT pg_advisory_lock($1)', [CLAIM_LOCK]);
    for (const id of ids.slice(-1)) await yard.tasks.cancel(id);
    await expect.poll(() => yard.sql(PLACING)).toHaveLength(1);
    await meanwhile();
  } finally {
    await claims.query('SELECT pg_advisory_unlock($1)', [CLAIM_LOCK]);
    claims.release();
  }
  await yard.tasks.close();
}

test('what is left of a canceled burst does not stand behind newcomers, though its model has started nothing yet', async () => {
  const { yard, canceling, other, submit, ids, serve, clear } = await openLine('unstarted');
  await cancelAndPlace(yard, canceling, ids.slice(0, 20));
  await submit(other, 10);
  expect((await serve(2)).toSorted()).toEqual([canceling, other].toSorted());
  await clear();
});

test('a burst of which all is canceled while it is placed anew is not held against its user', async () => {
  const { yard, canceling, other, submit, ids, serve, clear } = await openLine('canceled meanwhile');
  await cancelAndPlace(yard, canceling, ids.slice(0, 20), async () => {
    for (const id of ids.slice(20)) await yard.tasks.cancel(id);
  });
  await submit(canceling, 1);
  await submit(other, 10);
  expect((await serve(2)).toSorted()).toEqual([canceling, other].toSorted());
  await clear();
});

test('whoever comes while the rest of a canceled burst is placed anew takes turns with it', async () => {
  const { yard, canceling, other, submit, ids, serve, clear } = await openLine('newcomer meanwhile');
  await cancelAndPlace(yard, canceling, ids.slice(0, 20), async () => {
    await submit(other, 10);
  });
  expect((await serve(2)).toSorted()).toEqual([canceling, other].toSorted());
  await clear();
});
