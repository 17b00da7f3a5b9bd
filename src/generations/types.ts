import type {
  GeneratedStatus,
  GenerationPhase,
  GenerationRole,
  GenerationStatus,
  TaskStatus,
} from '../database/index.ts';
import type { TaskFailure } from '../tasks/index.ts';

/** A task of a generation as it is now. */
export interface TaskView {
  readonly status: TaskStatus;
  readonly version: number;
  /** The running or last attempt; 0 before the first. */
  readonly attempt: number;
  readonly result: unknown;
  readonly error: TaskFailure | null;
}

/** What a task is for, and how far the log has told of it. */
export interface Part {
  readonly taskId: string;
  readonly role: GenerationRole;
  /** 0, 1, 2 … within the role. Of several models, the last one counts. */
  readonly number: number;
  readonly model: string;
  readonly status: GeneratedStatus;
  /** Whether its first attempt was told. */
  readonly started: boolean;
  /** The version of the task that was looked at last; 0: none. */
  readonly seenVersion: number;
  /** Null: it is not submitted yet. */
  readonly task: TaskView | null;
}

/** What a generation is, and how far its log has told of it. */
export interface State {
  readonly prompt: string;
  /** Null until it is settled from what the pictures are drawn. */
  readonly finalPrompt: string | null;
  /** Why that is the prompt as it was given, although it was to be rewritten. */
  readonly fallback: string | null;
  readonly imageCount: number;
  readonly imageModel: string;
  readonly status: GenerationStatus;
  readonly phase: GenerationPhase;
  readonly selectedImage: number | null;
}

/** An entry of the log. Files are artifact ids. */
export type LogEntry =
  | { readonly type: 'ImageGenerating'; readonly data: { readonly index: number; readonly prompt: string } }
  | { readonly type: 'ImageCompleted'; readonly data: { readonly index: number; readonly image: string } }
  | { readonly type: 'ImageFailed'; readonly data: { readonly index: number; readonly error: TaskFailure } }
  | {
      readonly type: 'GenerationUpdated';
      readonly data: {
        readonly status: GenerationStatus;
        readonly phase: GenerationPhase;
        readonly message: string | null;
      };
    }
  | { readonly type: 'ModelGenerating'; readonly data: Readonly<Record<string, never>> }
  | {
      readonly type: 'ModelCompleted';
      readonly data: { readonly files: readonly string[]; readonly preview: string | null };
    }
  | { readonly type: 'ModelFailed'; readonly data: { readonly error: TaskFailure } };

/** When to look again: as soon as a task changes; once more after a while; not until somebody does something. */
export type Follow = 'now' | 'later' | 'no';

/** Where a look at a generation, or a command, leaves it. */
export interface Outcome {
  readonly state: State;
  /** All of them, new ones with them. */
  readonly parts: readonly Part[];
  /** What is to be told, in order. */
  readonly log: readonly LogEntry[];
  readonly follow: Follow;
}

const isOver = {
  IMAGE_PENDING: false,
  IMAGE_GENERATING: false,
  IMAGE_COMPLETED: false,
  IMAGE_FAILED: true,
  MODEL_PENDING: false,
  MODEL_GENERATING: false,
  MODEL_COMPLETED: false,
  MODEL_FAILED: true,
  COMPLETED: true,
  FAILED: true,
  CANCELED: true,
} as const satisfies Readonly<Record<GenerationStatus, boolean>>;

/** Whether nothing more happens to a generation in this state, unless somebody retries a task or selects again. */
export function isFinalStatus(status: GenerationStatus): boolean {
  return isOver[status];
}
