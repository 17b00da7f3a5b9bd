import { isFinal, type Task, type WaitingReason } from '../../sdk/src/index.ts';
import { print, type Sink } from './terminal.ts';

const BAR_WIDTH = 24;
const BLOCK_WIDTH = 6;
const QUARTERS = 4;
const REDRAW_EVERY_MS = 100;

/** Live progress of any number of tasks. Disposing it leaves what it shows. */
export interface ProgressBoard extends Disposable {
  /** Shows the task as it is now on the line of that name; a new name is a new line. */
  show(name: string, task: Task): void;
}

/** Bars that move in a terminal; elsewhere a line for each change of note. */
export function createProgressBoard(sink: Sink): ProgressBoard {
  return sink.isTTY === true ? movingBars(sink) : plainLines(sink);
}

interface Line {
  readonly task: Task;
  /** Monotonic: when this status was first seen. */
  readonly since: number;
}

function movingBars(sink: Sink): ProgressBoard {
  const lines = new Map<string, Line>();
  let drawn = 0;
  const draw = () => {
    const nameWidth = Math.max(...[...lines.keys()].map((name) => name.length)) + 2;
    // A lone task needs no name.
    const rows = [...lines].map(([name, line]) => (lines.size > 1 ? name.padEnd(nameWidth) : '') + row(line));
    const width = (sink.columns ?? 80) - 1;
    const text = rows.map((one) => `\x1b[2K${one.slice(0, width)}\n`).join('');
    sink.write((drawn > 0 ? `\x1b[${drawn}A` : '') + text);
    drawn = rows.length;
  };
  const timer = setInterval(() => {
    if ([...lines.values()].some(({ task }) => task.status === 'RUNNING')) draw();
  }, REDRAW_EVERY_MS);
  return {
    show(name, task) {
      const before = lines.get(name);
      const since = before?.task.status === task.status ? before.since : performance.now();
      lines.set(name, { task, since });
      draw();
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

function row({ task, since }: Line): string {
  const elapsed = performance.now() - since;
  const seconds = task.status === 'RUNNING' ? ` ${(elapsed / 1000).toFixed(1)} s` : '';
  return `${bar(task, elapsed)} ${describe(task)}${seconds}`;
}

/** Where a node tells no progress, a block that wanders says that it is at work. */
function bar({ status, progress }: Task, elapsed: number): string {
  if (status === 'RUNNING' && progress === null) {
    const way = BAR_WIDTH - BLOCK_WIDTH;
    const step = Math.floor(elapsed / REDRAW_EVERY_MS) % (2 * way);
    const before = step < way ? step : 2 * way - step;
    return '░'.repeat(before) + '█'.repeat(BLOCK_WIDTH) + '░'.repeat(way - before);
  }
  const filled = Math.round((status === 'SUCCEEDED' ? 1 : (progress ?? 0)) * BAR_WIDTH);
  return '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled);
}

function plainLines(sink: Sink): ProgressBoard {
  const told = new Map<string, string>();
  return {
    show(name, task) {
      const quarter = task.status === 'RUNNING' ? Math.floor((task.progress ?? 0) * QUARTERS) : 0;
      const note = `${task.status} ${task.attempt} ${quarter} ${task.waitingReason}`;
      if (told.get(name) === note) return;
      told.set(name, note);
      print(sink, `${name}: ${describe(task)}`);
    },
    [Symbol.dispose]() {},
  };
}

/** A task's state in a few words. */
export function describe(task: Task): string {
  switch (task.status) {
    case 'SCHEDULED':
      return `scheduled for ${task.startAt}`;
    case 'BLOCKED':
      return 'waits for other tasks';
    case 'QUEUED':
      return describeWait(task);
    case 'RUNNING':
      return describeRun(task);
    case 'SUCCEEDED':
      return `succeeded in ${((task.runningMs ?? 0) / 1000).toFixed(1)} s${place(task)}`;
    case 'FAILED':
      return `failed: ${task.error?.message ?? 'for an unknown reason'}`;
    case 'CANCELED':
      return 'canceled';
  }
}

const reasons: Readonly<Record<WaitingReason, string>> = {
  ALL_SLOTS_BUSY: 'all slots are busy',
  NO_HEALTHY_NODE: 'no healthy node has its model',
  MODEL_LOADING: 'its model is not loaded where a slot is free',
  FAIR_SHARE: 'others have had less',
  CONCURRENCY_LIMIT: 'as many run as may',
  RETRY_BACKOFF: 'it is tried again soon',
  SCHEDULED: 'its time has not come',
  DEPENDENCY: 'waits for other tasks',
};

function describeWait({ queuePosition, waitingReason, estimate, ...task }: Task): string {
  const { error, attempt, maxAttempts } = task;
  const wait = queuePosition === null ? 'waiting' : `waiting, number ${queuePosition} in line`;
  const reason = waitingReason === null ? '' : `: ${reasons[waitingReason]}`;
  const start = estimate?.startAt == null ? '' : `; starts in about ${duration(estimate.startAt)}`;
  const failure = error === null ? '' : `; try ${attempt} of ${maxAttempts} failed: ${error.message}`;
  return `${wait}${reason}${start}${failure}`;
}

const units = [
  { name: 'h', seconds: 3_600 },
  { name: 'min', seconds: 60 },
] as const;

/** Until then, roughly. */
function duration(time: string): string {
  const seconds = Math.max(0, (Date.parse(time) - Date.now()) / 1_000);
  const unit = units.find((one) => seconds >= 2 * one.seconds) ?? { name: 's', seconds: 1 };
  return `${Math.round(seconds / unit.seconds)} ${unit.name}`;
}

function describeRun(task: Task): string {
  const share = task.progress === null ? 'running' : `${Math.round(task.progress * 100)} %`;
  const message = task.progressMessage === null ? '' : `, ${task.progressMessage}`;
  return `${share}${message}${place(task)}${task.attempt > 1 ? `, try ${task.attempt}` : ''}`;
}

function place({ gpuNode }: Task): string {
  return gpuNode === null ? '' : ` on ${gpuNode.name}`;
}

/** The exit code for a task: 1 for one that is over and did not succeed. */
export function exitCodeOf(task: Task): number {
  return isFinal(task) && task.status !== 'SUCCEEDED' ? 1 : 0;
}
