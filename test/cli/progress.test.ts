import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Task } from '../../sdk/src/index.ts';
import { createProgressBoard, describe as describeTask, exitCodeOf } from '../../src/cli/progress.ts';

const waiting: Task = {
  __typename: 'Task',
  id: 'task_1',
  kind: 'TEXT_TO_IMAGE',
  model: 'qwen-image',
  queue: 'text-to-image/qwen-image',
  status: 'QUEUED',
  priority: 'NORMAL',
  version: 1,
  input: {},
  labels: {},
  progress: null,
  progressMessage: null,
  preview: null,
  partialText: null,
  queuePosition: 2,
  waitingReason: null,
  estimate: null,
  attempt: 0,
  maxAttempts: 3,
  error: null,
  result: null,
  gpuNode: null,
  gpuSeconds: 0,
  startAt: null,
  deadline: null,
  createdAt: '2030-01-01T00:00:00Z',
  startedAt: null,
  finishedAt: null,
  updatedAt: '2030-01-01T00:00:00Z',
  queuedMs: null,
  runningMs: null,
};
const running: Task = {
  ...waiting,
  status: 'RUNNING',
  queuePosition: null,
  attempt: 1,
  progress: 0.5,
  gpuNode: { id: 'node_1', name: 'gpu-1' },
};
const succeeded: Task = { ...running, status: 'SUCCEEDED', progress: 1, runningMs: 1234 };
const error = { code: 'NODE_ERROR', message: 'out of memory', retryable: true, attempt: 1 } as const;

const NOW = Date.parse('2030-01-01T00:00:00Z');
beforeEach(() => void vi.useFakeTimers({ now: NOW, toFake: ['Date'] }));
afterEach(() => void vi.useRealTimers());

const startsIn = (seconds: number): Task['estimate'] => {
  const startAt = new Date(NOW + seconds * 1_000).toISOString();
  return { startAt, startAtP90: startAt, completionAt: null, completionAtP90: null };
};

function capture(terminal: { isTTY: boolean; columns?: number }) {
  let text = '';
  const board = createProgressBoard({ ...terminal, write: (more: string) => (text += more) });
  return { board, text: () => text };
}

test('outside of a terminal each change of note is a line', () => {
  const { board, text } = capture({ isTTY: false });
  for (const task of [waiting, waiting, running, { ...running, progress: 0.51 }, succeeded])
    board.show('fox', task);
  board[Symbol.dispose]();
  expect(text()).toBe(
    ['fox: waiting, number 2 in line', 'fox: 50 % on gpu-1', 'fox: succeeded in 1.2 s on gpu-1', ''].join(
      '\n',
    ),
  );
});

test('in a terminal bars are drawn over each other, no wider than it is', () => {
  const { board, text } = capture({ isTTY: true, columns: 50 });
  board.show('fox', running);
  board.show('lighthouse', waiting);
  board[Symbol.dispose]();
  const [, last = ''] = text().split('\x1b[1A');
  const lines = last.replaceAll('\x1b[2K', '').trimEnd().split('\n');
  expect(lines).toEqual([
    `fox         ${'█'.repeat(12)}${'░'.repeat(12)} 50 % on gpu-1`.slice(0, 49),
    `lighthouse  ${'░'.repeat(24)} waiting, number 2 in line`.slice(0, 49),
  ]);
});

test.each<[Task, string]>([
  [{ ...waiting, queuePosition: null, attempt: 1, error }, 'waiting; try 1 of 3 failed: out of memory'],
  [{ ...waiting, waitingReason: 'FAIR_SHARE' }, 'waiting, number 2 in line: others have had less'],
  [
    { ...waiting, waitingReason: 'ALL_SLOTS_BUSY', estimate: startsIn(7_300) },
    'waiting, number 2 in line: all slots are busy; starts in about 2 h',
  ],
  [{ ...waiting, queuePosition: null, estimate: startsIn(30) }, 'waiting; starts in about 30 s'],
  [{ ...running, progress: null, attempt: 2 }, 'running on gpu-1, try 2'],
  [{ ...running, progressMessage: 'step 10 of 20' }, '50 %, step 10 of 20 on gpu-1'],
  [{ ...running, status: 'FAILED', error }, 'failed: out of memory'],
  [{ ...running, status: 'CANCELED' }, 'canceled'],
  [{ ...waiting, status: 'BLOCKED' }, 'waits for other tasks'],
  [
    { ...waiting, status: 'SCHEDULED', startAt: '2030-01-01T00:00:00Z' },
    'scheduled for 2030-01-01T00:00:00Z',
  ],
])('%o in words', (task, words) => {
  expect(describeTask(task)).toBe(words);
});

test('only a task that is over without success is a failure', () => {
  expect([waiting, running, succeeded].map(exitCodeOf)).toEqual([0, 0, 0]);
  expect(
    [{ ...running, status: 'FAILED' } as Task, { ...running, status: 'CANCELED' } as Task].map(exitCodeOf),
  ).toEqual([1, 1]);
});
