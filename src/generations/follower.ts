import { createWaker } from '../waker.ts';
import { lookAfter } from './chores.ts';
import type { Core } from './core.ts';
import { postpone } from './store.ts';

/** How soon is found what nobody told of, such as what a killed process left. */
const EVERY_MS = 1_000;
const MAX_GROUP = 100;
/** Tasks of which it is remembered to which generation they belong. */
const MAX_REMEMBERED = 50_000;
/** They share connections with what decides how fast tasks are. */
const AT_ONCE = 4;
/** Before a generation is looked after again that could not be. */
const PAUSE_SECONDS = 5;

interface Followed {
  readonly id: string;
  readonly taskIds: readonly string[];
  /** Whether there is a change that nobody has looked at. */
  readonly isDue: boolean;
}

const select = (which: string): string => `
  SELECT g.id, array_agg(p.task_id) AS "taskIds",
         g.follow_at <= now() AND bool_or(t.version IS DISTINCT FROM p.seen_version) AS "isDue"
  FROM generation g JOIN generation_task p ON p.generation_id = g.id LEFT JOIN task t ON t.id = p.task_id
  WHERE ${which} GROUP BY g.id`;

const selectHeard = select('g.id = ANY ($1::uuid[])');
const selectDue = `
  ${select('g.follow_at <= now()')} HAVING bool_or(t.version IS DISTINCT FROM p.seen_version)
  ORDER BY g.follow_at LIMIT ${MAX_GROUP}`;

/**
 * Follows the generations that have work under way, in each process that does: it hears which of their tasks change,
 * and looks every second for what it did not hear of.
 * @returns once the signal has aborted and what was under way has ended
 */
export async function follow(core: Core, signal: AbortSignal): Promise<void> {
  const { database, carrier, log } = core;
  const waker = createWaker();
  const generationOf = new Map<string, string>();
  const heard = new Set<string>();
  let nextRoundAt = 0;

  function hear(id: string | undefined): void {
    if (id === undefined) return;
    heard.add(id);
    waker.wake();
  }

  const deafen = carrier.listen((announcement) => {
    if (announcement.type === 'generation') hear(announcement.id);
    else if (announcement.type === 'task') hear(generationOf.get(announcement.id));
    else if (announcement.type === 'resync') {
      nextRoundAt = 0;
      waker.wake();
    }
  });

  function remember({ id, taskIds }: Followed): void {
    for (const taskId of taskIds) {
      // A Map keeps the order of insertion: its first entry is always the oldest.
      generationOf.delete(taskId);
      generationOf.set(taskId, id);
    }
    for (const oldest of generationOf.keys()) {
      if (generationOf.size <= MAX_REMEMBERED) break;
      generationOf.delete(oldest);
    }
  }

  async function lookAt(id: string): Promise<void> {
    try {
      await lookAfter(core, id);
    } catch (error) {
      log.error({ err: error, generationId: id }, 'a generation could not be looked after');
      await postpone(database, id, PAUSE_SECONDS);
    }
  }

  async function lookAtAll(ids: Iterable<string>): Promise<void> {
    const left = [...ids];
    const lookAtNext = async (): Promise<void> => {
      for (let id = left.shift(); id !== undefined; id = left.shift()) await lookAt(id);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lookAtNext));
  }

  async function find(): Promise<readonly Followed[]> {
    const isRound = performance.now() >= nextRoundAt;
    if (isRound) nextRoundAt = performance.now() + EVERY_MS;
    const ids = [...heard];
    heard.clear();
    const [told, due] = await Promise.all([
      ids.length > 0 ? database.pool.query<Followed>(selectHeard, [ids]) : { rows: [] },
      isRound ? database.pool.query<Followed>(selectDue) : { rows: [] },
    ]);
    // More may be due than one round takes.
    if (due.rows.length === MAX_GROUP) nextRoundAt = 0;
    return [...told.rows, ...due.rows];
  }

  try {
    while (!signal.aborted) {
      const found = await find().catch((error: unknown) => {
        log.warn({ err: error }, 'cannot look for generations');
        return [];
      });
      for (const one of found) remember(one);
      const due = new Set(found.filter(({ isDue }) => isDue).map(({ id }) => id));
      await lookAtAll(due).catch((error: unknown) =>
        log.warn({ err: error }, 'generations are looked after later'),
      );
      await waker.wait(Math.max(0, nextRoundAt - performance.now()), signal);
    }
  } finally {
    deafen();
  }
}
