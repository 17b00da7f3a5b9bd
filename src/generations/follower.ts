import { createWaker } from '../waker.ts';
import { lookAfter } from './chores.ts';
import type { Core } from './core.ts';
import { createRounds, type Followed, readFollowed } from './due.ts';
import { postpone } from './store.ts';

/** They share connections with what decides how fast tasks are. */
const AT_ONCE = 4;
/** Before a generation is looked after again that could not be. */
const PAUSE_SECONDS = 5;
const MAX_REMEMBERED = 50_000;

/** Of which generations somebody has spoken, be it of one of their tasks: of those that were seen latest. */
class Hearing {
  /** The generations of tasks. */
  readonly #generations = new Map<string, string>();
  readonly #heard = new Set<string>();
  /** While generations are read: the tasks that have changed meanwhile, and may belong to one of them. */
  #strangers: Set<string> | null = null;

  generation(id: string): void {
    this.#heard.add(id);
  }

  /** Answers whether it belongs to a generation, as far as is known. */
  task(taskId: string): boolean {
    const id = this.#generations.get(taskId);
    if (id === undefined) this.#strangers?.add(taskId);
    else this.#heard.add(id);
    return id !== undefined;
  }

  /** What has been heard of, and is to be read now. */
  take(): string[] {
    const ids = [...this.#heard];
    this.#heard.clear();
    this.#strangers = new Set();
    return ids;
  }

  /** What was read. Answers whether it has changed since, as far as that was heard. */
  learn(found: readonly Followed[]): boolean {
    for (const one of found) this.#remember(one);
    const strangers = this.#strangers ?? [];
    this.#strangers = null;
    return [...strangers].map((taskId) => this.task(taskId)).includes(true);
  }

  #remember({ id, taskIds }: Followed): void {
    for (const taskId of taskIds) {
      // Deleted first: a Map keeps the order of insertion, so its first entry is always the oldest.
      this.#generations.delete(taskId);
      this.#generations.set(taskId, id);
    }
    for (const oldest of this.#generations.keys()) {
      if (this.#generations.size <= MAX_REMEMBERED) break;
      this.#generations.delete(oldest);
    }
  }
}

/** Looks after them, few at once, until the signal aborts. Never fails: what was not done is done later. */
async function lookAfterAll(core: Core, ids: Iterable<string>, signal: AbortSignal): Promise<void> {
  const { database, log } = core;
  const left = [...ids];

  async function lookAfterOne(id: string): Promise<void> {
    try {
      await lookAfter(core, id);
    } catch (error) {
      log.error({ err: error, generationId: id }, 'a generation could not be looked after');
      await postpone(database, id, PAUSE_SECONDS).catch((err: unknown) =>
        log.warn({ err, generationId: id }, 'a generation could not be postponed'),
      );
    }
  }

  async function work(): Promise<void> {
    for (let id = left.shift(); id !== undefined && !signal.aborted; id = left.shift()) {
      await lookAfterOne(id);
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

/**
 * Follows the generations that have something under way, in each process that works: it hears which of their tasks
 * change, and looks every second for what it did not hear of.
 * @returns once the signal has aborted and what was under way has ended
 */
export async function follow(core: Core, signal: AbortSignal): Promise<void> {
  const { database, carrier, log } = core;
  const waker = createWaker();
  const hearing = new Hearing();
  const rounds = createRounds(database);

  const deafen = carrier.listen((announcement) => {
    if (announcement.type === 'generation') hearing.generation(announcement.id);
    else if (announcement.type === 'resync') rounds.hurry();
    else if (announcement.type !== 'task' || !hearing.task(announcement.id)) return;
    waker.wake();
  });

  async function find(): Promise<readonly Followed[]> {
    const ids = hearing.take();
    try {
      const [told, due] = await Promise.all([readFollowed(database, ids), rounds.next()]);
      return [...told, ...due];
    } catch (error) {
      // What was heard of is found in the next round.
      log.warn({ err: error }, 'cannot look for generations');
      return [];
    }
  }

  while (!signal.aborted) {
    const found = await find();
    if (hearing.learn(found)) waker.wake();
    await lookAfterAll(core, new Set(found.filter(({ isDue }) => isDue).map(({ id }) => id)), signal);
    await waker.wait(rounds.waitMs(), signal);
  }
  deafen();
}
