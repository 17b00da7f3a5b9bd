import type { Task } from '../../sdk/src/index.ts';
import { createProgressBoard, describe } from './progress.ts';
import { print, type Sink } from './terminal.ts';

/** One task as it goes on. Disposing it leaves what it shows, and ends the line. */
export interface TaskView extends Disposable {
  /** Shows the task as it is now. */
  show(task: Task): void;
}

export interface TaskViewOptions {
  /** Where it is told how far the task is. */
  readonly notes: Sink;
  /** Where a text goes as it grows; null: nowhere. */
  readonly text: Sink | null;
}

function textOf({ partialText, result }: Task): string | null {
  return result?.__typename === 'TextResult' ? result.text : partialText;
}

/** Progress until a text begins, and then the text: in a terminal they would be in each other's way. */
export function createTaskView({ notes, text }: TaskViewOptions): TaskView {
  const board = createProgressBoard(notes);
  let written: string | null = null;

  function write(sink: Sink, now: string): void {
    board[Symbol.dispose]();
    sink.write(now.slice(written?.length ?? 0));
    written = now;
  }

  /** What is there of a text is worth nothing any more, or all of it is there. */
  function endText(sink: Sink): void {
    sink.write('\n');
    written = null;
  }

  return {
    show(task) {
      const now = text === null ? null : textOf(task);
      if (text === null || (now === null && written === null)) return board.show(task.id, task);
      const goesOn = now?.startsWith(written ?? '') ?? false;
      if (!goesOn && written !== null) endText(text);
      if (now !== null) write(text, now);
      if (task.status === 'RUNNING') return;
      if (written !== null) endText(text);
      print(notes, `${task.id}: ${describe(task)}`);
    },
    [Symbol.dispose]() {
      board[Symbol.dispose]();
      if (text !== null && written !== null) endText(text);
    },
  };
}
