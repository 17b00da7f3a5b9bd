import type { Viewer } from '../accounts/index.ts';
import type { Artifacts } from '../artifacts/index.ts';
import type { Database } from '../database/index.ts';
import { InvalidInputError } from '../errors.ts';
import type { Feed } from '../events/index.ts';
import { type KindName, kindOf } from '../kinds/index.ts';
import type { Submission, Submitted, Tasks } from '../tasks/index.ts';
import { type Checked, check } from '../validation.ts';
import { type Attachments, type CollectedAttachments, createAttachments } from './attachments.ts';
import { hashOf } from './hash.ts';
import { checkOptions, type SubmissionOptions, type ValidOptions } from './options.ts';
import { untilFinal } from './wait.ts';

export type { Attachment, Attachments, MediaSource, Upload } from './attachments.ts';
export type { SubmissionOptions } from './options.ts';

/** What a caller asks for, before anything of it is checked. */
export interface SubmissionRequest {
  readonly viewer: Viewer;
  readonly kind: KindName;
  /** Reads the kind's input, and has its files stored. */
  read(attachments: Attachments): Promise<{ readonly model: string | null; readonly input: unknown }>;
  readonly options: SubmissionOptions;
  /** Each ends the waiting, not the task. */
  readonly signals: readonly AbortSignal[];
}

export interface SubmissionServices {
  readonly database: Pick<Database, 'clock'>;
  readonly artifacts: Artifacts;
  readonly tasks: Tasks;
  readonly feed: Feed;
}

/** Of the caller's input as a whole, in the caller's words: `task.textToImage`. */
function pathOf(kind: KindName): string {
  return `task.${kindOf(kind).field}`;
}

interface Input {
  readonly model: string | null;
  readonly input: unknown;
  readonly attachments: CollectedAttachments;
}

/** Reads the kind's input, stores its files, and checks it. */
async function checkInput(
  { viewer, kind, read }: SubmissionRequest,
  artifacts: Artifacts,
): Promise<Checked<Input>> {
  const path = pathOf(kind);
  const attachments = createAttachments({ artifacts, userId: viewer.userId, path });
  try {
    const { model, input } = await read(attachments);
    const checked = check(kindOf(kind).input, input, path);
    return checked.isValid ? { isValid: true, value: { model, input: checked.value, attachments } } : checked;
  } catch (error) {
    if (error instanceof InvalidInputError) return { isValid: false, issues: error.issues };
    throw error;
  }
}

function build(
  { viewer, kind, options: given }: SubmissionRequest,
  { waitMs, idempotencyKey, ...options }: ValidOptions,
  { model, input, attachments }: Input,
): Submission {
  return {
    ...options,
    userId: viewer.userId,
    kind,
    model,
    input,
    idempotencyKey,
    // The times as they were given: a replay is the same however late it comes.
    inputHash: hashOf({ kind, model, input, ...options, startAt: given.startAt ?? null }, attachments.sha256),
    artifactIds: [...new Set(attachments.artifactIds)],
  };
}

/**
 * Submits a task, durably once it resolves, and holds the answer as long as `waitMs` asks for.
 * @returns the task's row id, and its row where nobody need read it again
 * @throws InvalidInputError with all that is wrong, in paths such as `task.textToImage.width`; and what
 * `Tasks.submit` throws
 */
export async function submit(services: SubmissionServices, request: SubmissionRequest): Promise<Submitted> {
  const { database, artifacts, tasks, feed } = services;
  const options = checkOptions(request.options, database.clock.now());
  const input = await checkInput(request, artifacts);
  if (!options.isValid || !input.isValid) {
    throw new InvalidInputError([options, input].flatMap((part) => (part.isValid ? [] : part.issues)));
  }
  const submission = build(request, options.value, input.value);
  const submitted = await tasks.submit(submission, request.viewer.tier);
  const { waitMs } = options.value;
  if (waitMs === 0) return submitted;
  const { taskId, existing } = submitted;
  await untilFinal(feed, taskId, { ms: waitMs, signals: request.signals });
  return { taskId, existing };
}
