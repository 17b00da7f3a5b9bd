import { expect, test } from 'vitest';
import { InvalidInputError, InvalidStateError, NotFoundError } from '../../src/errors.ts';
import { type Claimed, WorkerLostError } from '../../src/tasks/index.ts';
import { expectAllDone, expectInvariants } from '../support/invariants.ts';
import { drain, failure, type Process, submission, success, useYard, type Yard } from '../support/yard.ts';

const open = useYard();

/** A small generator of its own, so that a storm can be repeated by its seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Refused for what the storm itself did: everything else is a fault. */
async function tolerate(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (error instanceof InvalidStateError || error instanceof NotFoundError) return;
    // A task that it was to depend on has been deleted.
    if (error instanceof InvalidInputError) return;
    throw error;
  }
}

async function deadlocks({ sql }: Yard): Promise<number> {
  // The statistics of the connections that are idle by now have been sent.
  const [row] = await sql<{ deadlocks: string }>(
    'SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()',
  );
  return Number(row?.deadlocks ?? 0);
}

interface Storm {
  readonly yard: Yard;
  readonly random: () => number;
  readonly ids: string[];
  isOver: boolean;
}

/** Claims, and lets each attempt end in some way or never. */
async function work(storm: Storm, process: Process): Promise<void> {
  const { tasks, carrier } = process;
  const told: Promise<void>[] = [];
  const deafen = carrier.listen((heard) => {
    if (heard.type === 'cancel') told.push(tasks.stopped(heard, storm.random() < 0.5));
  });
  let workerId = process.workerId;
  while (!storm.isOver) {
    let claimed: readonly Claimed[] = [];
    try {
      claimed = await tasks.claim({ workerId, limit: 6 });
    } catch (error) {
      if (!(error instanceof WorkerLostError)) throw error;
      workerId = await tasks.join({ host: 'storm', pid: 1, concurrency: 6 });
    }
    await Promise.all(claimed.map((one) => end(storm, process, one)));
    const dies = storm.random() < 0.1;
    if (dies)
      await storm.yard.sql(`UPDATE worker SET lease_until = now() - interval '1 ms' WHERE id = $1`, [
        workerId,
      ]);
  }
  deafen();
  await Promise.all(told);
}

async function end({ random }: Storm, { tasks }: Process, claimed: Claimed): Promise<void> {
  const fate = random();
  tasks.reportProgress(claimed.lease, fate);
  if (fate < 0.08) return;
  const settlement =
    fate < 0.5
      ? success(claimed)
      : failure(claimed, { retryAfterMs: 0, spendsAttempt: fate < 0.8, retryable: fate < 0.9 });
  const [freed, settled] = [
    () => tasks.freeSlot(claimed.lease, { gpuMs: 7 }),
    () => tasks.settle(settlement),
  ];
  await Promise.all(random() < 0.5 ? [freed(), settled()] : [settled(), freed()]);
}

/** How many, until the storm is over. */
const SUBMISSIONS = 200;

/** Submits, cancels, retries and deletes at random. */
async function meddle(storm: Storm, userId: string, { tasks }: Process): Promise<void> {
  const { random, ids } = storm;
  while (!storm.isOver) {
    const id = ids[Math.floor(random() * ids.length)];
    const what = random();
    if (id === undefined || what < 0.4) {
      const model = random() < 0.5 ? 'storm-a' : 'storm-b';
      const idempotencyKey = random() < 0.5 ? `k${Math.floor(random() * 40)}` : null;
      const startAt = random() < 0.2 ? new Date(Date.now() + 30) : null;
      const deadline = random() < 0.1 ? new Date(Date.now() + 60) : null;
      const parents = random() < 0.4 ? ids.filter(() => random() < 2 / ids.length) : [];
      // A replay is among the ids again.
      const dependsOn = [...new Set(parents)];
      const given = submission(userId, { model, idempotencyKey, startAt, deadline, dependsOn });
      await tolerate(tasks.submit(given, 'VIP').then(({ taskId }) => ids.push(taskId)));
      if (ids.length >= SUBMISSIONS) storm.isOver = true;
    } else if (what < 0.75) await tolerate(tasks.cancel(id));
    else if (what < 0.95) await tolerate(tasks.retry(id));
    else await tolerate(tasks.remove(id));
  }
}

async function keepHouse(storm: Storm, { tasks }: Process): Promise<void> {
  while (!storm.isOver) {
    await Promise.all([tasks.sweep(), tasks.releaseDue(), tasks.failOverdue()]);
    await tasks.queuePositions(storm.ids.slice(-20));
  }
}

test('whatever three processes do to the same tasks at once, no invariant breaks and nothing deadlocks', {
  timeout: 90_000,
}, async () => {
  const yard = open();
  await yard.addNode({ models: ['storm-a', 'storm-b'], slots: 6 });
  await yard.addNode({ models: ['storm-a'], slots: 6 });
  const users = [await yard.addUser(), await yard.addUser()];
  const processes = [yard, await yard.another(), await yard.another()];
  const storm: Storm = { yard, random: randomFrom(20_261_122), ids: [], isOver: false };
  const loops = [
    ...processes.map((process) => work(storm, process)),
    ...processes.flatMap((process, n) =>
      Array.from({ length: 4 }, () => meddle(storm, users[n % users.length] ?? '', process)),
    ),
    keepHouse(storm, yard),
    keepHouse(storm, processes[1] ?? yard),
  ];
  await Promise.all(loops).finally(() => {
    storm.isOver = true;
  });
  await Promise.all(processes.map(({ tasks }) => tasks.close()));
  await expectInvariants(yard.database);
  expect(await deadlocks(yard)).toBe(0);

  await calm(yard);
  await expectAllDone(yard.database);
});

/** Lets everything that is still open come to its end. */
async function calm(yard: Yard): Promise<void> {
  await yard.tasks.takePredecessors();
  while ((await yard.tasks.sweep()) > 0);
  await yard.sql(`UPDATE task SET start_at = now() - interval '1 ms' WHERE status = 'SCHEDULED'`);
  await yard.tasks.releaseDue();
  await yard.sql('UPDATE slot SET held_until = NULL');
  const workerId = await yard.tasks.join({ host: 'calm', pid: 1, concurrency: 12 });
  // Overdue tasks fail as they are claimed: a claim of nothing else is not the end.
  for (let idle = 0; idle < 3; idle++) if ((await drain({ ...yard, workerId })).length > 0) idle = 0;
}
