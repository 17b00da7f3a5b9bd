import { expect, test } from 'vitest';
import type { Task } from '../../sdk/src/index.ts';
import { createTaskView } from '../../src/cli/task-view.ts';
import { sampleTask } from '../sdk/samples.ts';

function capture(isTTY: boolean) {
  let shown = '';
  const sink = { isTTY, columns: 80, write: (text: string) => (shown += text) };
  const view = createTaskView({ notes: sink, text: sink });
  return { view, shown: () => shown };
}

const running = (partialText: string | null, attempt = 1): Task => ({
  ...sampleTask({ kind: 'TEXT_GENERATION', status: 'RUNNING' }),
  ...{ partialText, attempt },
});
const succeeded = (text: string): Task => ({
  ...running(null),
  ...{ status: 'SUCCEEDED', runningMs: 1_500 },
  result: { __typename: 'TextResult', text, promptTokens: 1, completionTokens: 3 },
});

test('a text is shown as it grows, and once', () => {
  const { view, shown } = capture(false);
  for (const task of [
    running('Once'),
    running('Once upon'),
    running('Once upon'),
    succeeded('Once upon a time'),
  ])
    view.show(task);
  expect(shown()).toBe('Once upon a time\ntask_1: succeeded in 1.5 s\n');
});

test('a text that came all at once is shown as well', () => {
  const { view, shown } = capture(false);
  view.show(succeeded('Once'));
  expect(shown()).toBe('Once\ntask_1: succeeded in 1.5 s\n');
});

test('a text that breaks off is told apart from the one that begins anew', () => {
  const { view, shown } = capture(false);
  const error = { code: 'NODE_ERROR', message: 'it died', retryable: true, attempt: 1 } as const;
  view.show(running('It was'));
  view.show({ ...running(null), status: 'QUEUED', error, queuePosition: null });
  view.show(running('Call', 2));
  view.show(succeeded('Call me'));
  expect(shown()).toBe(
    [
      'It was',
      'task_1: waiting; try 1 of 3 failed: it died',
      'Call me',
      'task_1: succeeded in 1.5 s',
      '',
    ].join('\n'),
  );
});

test('in a terminal the bar makes room for the text', () => {
  const { view, shown } = capture(true);
  view.show(running(null));
  const bar = shown();
  expect(bar).toMatch(/[█░]+ running 0.0 s\n$/);
  view.show(running('Once'));
  view.show(succeeded('Once.'));
  view[Symbol.dispose]();
  expect(shown()).toBe(`${bar}Once.\ntask_1: succeeded in 1.5 s\n`);
});
