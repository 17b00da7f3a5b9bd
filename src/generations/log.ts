import type { Database } from '../database/index.ts';
import type { LogEntry } from './types.ts';

/** An entry of the durable log. */
export type EventRow = LogEntry & {
  readonly generationId: string;
  readonly version: number;
  readonly at: Date;
};

/** How far the model is: of the version that stands, and not in the log. */
export interface ModelProgress {
  readonly generationId: string;
  readonly version: number;
  readonly at: Date;
  readonly type: 'ModelProgress';
  readonly progress: number;
}

const PAGE = 100;

export interface EventReader {
  /** A page of the events above version `after`, oldest first. */
  read(generationId: string, after: number): Promise<readonly EventRow[]>;
  /** On the database's clock. */
  now(): Date;
}

/** Reads for streams: subscribers that stand at the same place of the same log share one read. */
export function createEventReader({ prisma, clock }: Pick<Database, 'prisma' | 'clock'>): EventReader {
  const reading = new Map<string, Promise<readonly EventRow[]>>();

  async function readPage(generationId: string, after: number): Promise<readonly EventRow[]> {
    const rows = await prisma.generationEvent.findMany({
      where: { generationId, version: { gt: after } },
      orderBy: { version: 'asc' },
      take: PAGE,
    });
    // As it was written from entries.
    return rows as unknown as EventRow[];
  }

  return {
    now: clock.now,
    read(generationId, after) {
      const key = `${generationId} ${after}`;
      const read = reading.get(key) ?? readPage(generationId, after).finally(() => reading.delete(key));
      reading.set(key, read);
      return read;
    },
  };
}
