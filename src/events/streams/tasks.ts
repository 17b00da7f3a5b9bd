import { LOWEST_ID } from '../../ids.ts';
import { patiently } from '../backoff.ts';
import type { Position } from '../changes.ts';
import { type Source, Wake } from '../stream.ts';
import type { TaskRow } from '../task-loader.ts';
import type { TaskWatch } from '../task-watch.ts';

export interface TasksFilter {
  /** Whose tasks; null: everybody's. */
  readonly userId: string | null;
  /** Whether the subscriber wants a task in this state. */
  matches(row: TaskRow): boolean;
  /** From when on updates are told that happened before the subscription. */
  readonly since?: Date | null | undefined;
}

export interface TaskReader {
  /** The next ids in the order of their last update, from that position on; a page of them. */
  updatedFrom(userId: string | null, from: Position): Promise<Position[]>;
  /** Those of them that exist, in that order. */
  load(ids: readonly string[]): Promise<TaskRow[]>;
}

/** Changed tasks that a subscriber has not read yet. With more, it reads them again from the table. */
const MAX_PENDING = 256;
const LOAD_SIZE = 50;

/** The latest state of each changed task, bounded; beyond the bound, only since when it has to read again. */
class Pending {
  readonly #rows = new Map<string, TaskRow>();
  /** Everything updated at or after it is to be read again; null: nothing is. */
  behind: Date | null;

  constructor(behind: Date | null) {
    this.behind = behind;
  }

  add(row: TaskRow, matches: boolean): void {
    if (this.behind) {
      this.missed(row.updatedAt);
      return;
    }
    this.#rows.delete(row.id);
    if (matches) this.#rows.set(row.id, row);
    if (this.#rows.size > MAX_PENDING) {
      for (const { updatedAt } of this.#rows.values()) this.missed(updatedAt);
      this.#rows.clear();
    }
  }

  missed(since: Date): void {
    if (!this.behind || since < this.behind) this.behind = since;
  }

  /** Takes the row that was changed first. */
  take(): TaskRow | null {
    for (const [id, row] of this.#rows) {
      this.#rows.delete(id);
      return row;
    }
    return null;
  }

  /** The newer of that row and what waits for the same task, which then waits no more. */
  newest(row: TaskRow): TaskRow {
    const waiting = this.#rows.get(row.id);
    this.#rows.delete(row.id);
    return waiting && waiting.version >= row.version ? waiting : row;
  }
}

/** Tasks from the table in the order of their last update, a few at a time. */
class Replay {
  readonly #reader: TaskReader;
  readonly #userId: string | null;
  #from: Position;
  #ids: string[] = [];
  #rows: TaskRow[] = [];

  constructor(reader: TaskReader, userId: string | null, since: Date) {
    this.#reader = reader;
    this.#userId = userId;
    this.#from = { id: LOWEST_ID, updatedAt: since };
  }

  async next(ended: AbortSignal): Promise<TaskRow | null> {
    while (this.#rows.length === 0) {
      if (this.#ids.length === 0) {
        const page = await patiently(() => this.#reader.updatedFrom(this.#userId, this.#from), ended);
        const last = page.at(-1);
        if (!last) return null;
        this.#from = last;
        this.#ids = page.map(({ id }) => id);
      }
      const ids = this.#ids.splice(0, LOAD_SIZE);
      this.#rows = await patiently(() => this.#reader.load(ids), ended);
    }
    return this.#rows.shift() ?? null;
  }
}

export interface TasksSourceOptions {
  readonly watch: TaskWatch;
  readonly reader: TaskReader;
  readonly filter: TasksFilter;
}

/** Every change of the tasks that match; those updated since a time first. Never ends by itself. */
export function tasksSource({ watch, reader, filter }: TasksSourceOptions): Source<TaskRow> {
  const wake = new Wake();
  const pending = new Pending(filter.since ?? null);
  let replay: Replay | null = null;
  const stop = watch.many({
    userId: filter.userId,
    changed(row) {
      pending.add(row, filter.matches(row));
      wake.raise();
    },
    missed(since) {
      pending.missed(since);
      wake.raise();
    },
  });

  async function fromReplay(ended: AbortSignal): Promise<TaskRow | null> {
    if (!replay && pending.behind) {
      replay = new Replay(reader, filter.userId, pending.behind);
      pending.behind = null;
    }
    const row = await replay?.next(ended);
    if (row) return pending.newest(row);
    replay = null;
    return null;
  }

  return {
    async pull(ended) {
      while (!ended.aborted) {
        const row = (await fromReplay(ended)) ?? pending.take();
        if (row && filter.matches(row)) return row;
        if (!row && !pending.behind) await wake.wait();
      }
      return null;
    },
    close() {
      stop();
      wake.raise();
    },
  };
}
