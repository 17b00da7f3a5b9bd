import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { TaskStatus } from '../../src/database/index.ts';
import { canFollow, isFinal, type TransitionEvent, transitions } from '../../src/tasks/lifecycle.ts';

const statuses: readonly TaskStatus[] = [
  'SCHEDULED',
  'BLOCKED',
  'QUEUED',
  'RUNNING',
  'SUCCEEDED',
  'FAILED',
  'CANCELED',
];
const events = Object.keys(transitions) as TransitionEvent[];

test('only a retry leads out of a final state, and none out of success', () => {
  for (const status of statuses.filter(isFinal)) {
    const ways = events.filter((event) => canFollow(status, event));
    expect(ways).toEqual(status === 'SUCCEEDED' ? [] : ['RETRIED']);
  }
});

test('every state can be reached, and every other state than a final one can be canceled and can fail', () => {
  const reached = new Set<TaskStatus>(events.flatMap((event) => transitions[event].to));
  expect(statuses.filter((status) => status !== 'SCHEDULED' && !reached.has(status))).toEqual([]);
  for (const status of statuses) {
    expect(canFollow(status, 'CANCELED')).toBe(!isFinal(status));
    expect(canFollow(status, 'FAILED')).toBe(!isFinal(status));
  }
});

test('whatever happens to a task, it starts only from its queue and succeeds only while it runs', () => {
  fc.assert(
    fc.property(
      fc.constantFrom<TaskStatus>('SCHEDULED', 'BLOCKED', 'QUEUED'),
      fc.array(
        fc.constantFrom(...events.flatMap((event) => transitions[event].to.map((to) => ({ event, to })))),
      ),
      (start, happens) => {
        let status = start;
        for (const { event, to } of happens) {
          if (!canFollow(status, event)) continue;
          if (event === 'STARTED') expect(status).toBe('QUEUED');
          if (event === 'SUCCEEDED') expect(status).toBe('RUNNING');
          status = to;
        }
        expect(statuses).toContain(status);
      },
    ),
  );
});
