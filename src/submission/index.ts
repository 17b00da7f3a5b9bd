import type { Viewer } from '../accounts/index.ts';
import type { Artifacts } from '../artifacts/index.ts';
import type { Database } from '../database/index.ts';
import { InvalidInputError } from '../errors.ts';
import type { Feed } from '../events/index.ts';
import { type KindName, kindOf } from '../kinds/index.ts';
import type { Submission, Submitted, Tasks } from '../tasks/index.ts';
import { type Attachments, createAttachments } from './attachments.ts';
import { hashOf } from './hash.ts';
import { issuesOf, type SubmissionOptions, type ValidOptions, validOptions } from './options.ts';
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

async function build(
  { viewer, kind, read, options: given }: SubmissionRequest,
  options: ValidOptions,
  artifacts: Artifacts,
): Promise<Submission> {
  const { waitMs, idempotencyKey, ...rest } = options;
  const path = pathOf(kind);
  const attachments = createAttachments({ artifacts, userId: viewer.userId, path });
  const { model, input } = await read(attachments);
  const result = kindOf(kind).input.safeParse(input);
  if (!result.success) throw new InvalidInputError(issuesOf(result.error, path));
  return {
    ...rest,
    userId: viewer.userId,
    kind,
    model,
    input: result.data,
    idempotencyKey,
    // The times as they were given: a replay is the same however late it comes.
    inputHash: hashOf(
      { kind, model, input: result.data, ...rest, startAt: given.startAt ?? null },
      attachments.sha256,
    ),
    artifactIds: [...new Set(attachments.artifactIds)],
  };
}

/**
 * Submits a task, durably once it resolves, and holds the answer as long as `waitMs` asks for.
 * @returns the task's row id, and its row where nobody need read it again
 * @throws InvalidInputError with paths such as `task.textToImage.width`, and what `Tasks.submit` throws
 */
export async function submit(services: SubmissionServices, request: SubmissionRequest): Promise<Submitted> {
  const { database, artifacts, tasks, feed } = services;
  const options = validOptions(request.options, database.clock.now());
  const submission = await build(request, options, artifacts);
  const submitted = await tasks.submit(submission, request.viewer.tier);
  if (options.waitMs === 0) return submitted;
  const { taskId, existing } = submitted;
  await untilFinal(feed, taskId, { ms: options.waitMs, signals: request.signals });
  return { taskId, existing };
}
