import { expect } from 'vitest';
import type { Claimed } from '../../src/tasks/index.ts';
import { subscribe } from '../http/streams.ts';
import type { Json, Person } from '../http/support.ts';
import { EVENTS, openStudio, type Studio, taskIdOf } from './support.ts';

/** What the log tells, in short: `ImageCompleted 1`, `IMAGE_COMPLETED`. */
export const names = (events: readonly Json[]): string[] =>
  events.map(
    (event) =>
      String(event.status ?? event.__typename) + (event.index === undefined ? '' : ` ${event.index}`),
  );

/** A studio that follows its generations, and one person's in it. */
export interface Stories {
  readonly studio: Studio;
  readonly person: Person;
  /** Everything that the log has by the end of the stream, which has to come. */
  told(id: string, after?: number): Promise<Json[]>;
  /** The same of a stream that is open by the time that this resolves. */
  telling(id: string, after: number): Promise<{ readonly told: Promise<Json[]> }>;
  /** A generation of so many pictures, with their tasks claimed. */
  drawing(imageCount: number): Promise<{ id: string; claimed: readonly Claimed[] }>;
  /** One that awaits a selection; the last of its pictures has failed. */
  awaiting(imageCount?: number): Promise<{ id: string; failed: Claimed }>;
  /** The only task that waits. */
  claimOne(): Promise<Claimed>;
}

export async function openStories(): Promise<Stories> {
  const studio = await openStudio();
  studio.follow();
  const person = await studio.api.person();

  async function told(id: string, after = 0, opened = () => {}): Promise<Json[]> {
    const events: Json[] = [];
    for await (const { data, errors } of subscribe(studio.api, EVENTS, {
      as: person,
      variables: { id, after },
      opened,
    })) {
      expect(errors).toEqual([]);
      if (data.generationEvents) events.push(data.generationEvents);
    }
    return events;
  }

  async function telling(id: string, after: number): Promise<{ readonly told: Promise<Json[]> }> {
    const opened = Promise.withResolvers<void>();
    const all = told(id, after, opened.resolve);
    await Promise.race([opened.promise, all]);
    return { told: all };
  }

  async function drawing(imageCount: number): Promise<{ id: string; claimed: readonly Claimed[] }> {
    const created = await studio.create(person, { optimizePrompt: false, imageCount });
    return { id: String(created.id), claimed: await studio.start() };
  }

  async function awaiting(imageCount = 2): Promise<{ id: string; failed: Claimed }> {
    const { id, claimed } = await drawing(imageCount);
    // In which order they are claimed is the planner's.
    const { images } = await studio.read(person, id);
    const last = images?.[imageCount - 1]?.task?.id;
    const failed = claimed.find((one) => taskIdOf(one) === String(last));
    if (!failed) throw new Error('the last picture was not claimed');
    for (const one of claimed) await (one === failed ? studio.fail(one) : studio.succeed(one));
    await studio.until(person, id, { status: 'IMAGE_COMPLETED', phase: 'AWAITING_SELECTION' });
    return { id, failed };
  }

  async function claimOne(): Promise<Claimed> {
    const [claimed, ...others] = await studio.start();
    if (!claimed || others.length > 0) throw new Error(`${others.length + 1} were claimed`);
    return claimed;
  }

  return { studio, person, told, telling, drawing, awaiting, claimOne };
}
