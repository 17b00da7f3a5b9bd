import type { TaskEvent } from '../../database/index.ts';
import { RefusedError } from '../../errors.ts';
import { patiently } from '../backoff.ts';
import { type EventReader, isFinal } from '../log.ts';
import { type Source, Wake } from '../stream.ts';
import type { TaskRow } from '../task-loader.ts';
import type { TaskWatch } from '../task-watch.ts';

export interface EventSourceOptions {
  readonly watch: TaskWatch;
  readonly reader: EventReader;
  readonly id: string;
  readonly after: number;
}

/** The durable log of one task above a version, until its last event is final or the task is gone. */
export function eventSource({ watch, reader, id, after }: EventSourceOptions): Source<TaskEvent> {
  const wake = new Wake();
  let current: TaskRow | null | undefined;
  let page: Iterator<TaskEvent> = [].values();
  let told = after;
  const stop = watch.one(id, (row) => {
    current = row;
    wake.raise();
  });

  /** Null when the task is gone. */
  async function readPage(ended: AbortSignal): Promise<readonly TaskEvent[] | null> {
    const events = await patiently(() => reader.read(id, told), ended);
    if (events[0]?.version === told + 1) return events;
    if (events.length === 0 && !(await patiently(() => reader.exists(id), ended))) return null;
    throw new RefusedError(
      'EVENTS_EXPIRED',
      `events after version ${told} are kept no more: read the task, and go on from its version`,
    );
  }

  return {
    async pull(ended) {
      while (!ended.aborted && current !== null) {
        const event = page.next();
        if (!event.done) {
          told = event.value.version;
          return event.value;
        }
        if (current && current.version > told) {
          const read = await readPage(ended);
          if (read === null) return null;
          page = read.values();
        } else {
          if (current?.version === told && isFinal(current.status)) return null;
          await wake.wait();
        }
      }
      return null;
    },
    close() {
      stop();
      wake.raise();
    },
  };
}
