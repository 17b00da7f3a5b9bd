import type { Viewer } from '../accounts/index.ts';
import type { Artifacts } from '../artifacts/index.ts';
import type { Database } from '../database/index.ts';
import { InvalidInputError } from '../errors.ts';
import type { Feed } from '../events/index.ts';
import { type KindName, kindOf } from '../kinds/index.ts';
import type { Estimate, Submission, Submitted, Tasks } from '../tasks/index.ts';
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
  { kind, read }: SubmissionRequest,
  attachments: CollectedAttachments,
): Promise<Checked<Input>> {
  try {
    const { model, input } = await read(attachments);
    const checked = check(kindOf(kind).input, input, pathOf(kind));
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

interface Prepared {
  readonly submission: Submission;
  readonly waitMs: number;
}

/** @throws InvalidInputError with all that is wrong, in paths such as `task.textToImage.width` */
async function prepare(
  { database }: Pick<SubmissionServices, 'database'>,
  request: SubmissionRequest,
  attachments: CollectedAttachments,
): Promise<Prepared> {
  const options = checkOptions(request.options, database.clock.now());
  const input = await checkInput(request, attachments);
  if (!options.isValid || !input.isValid) {
    throw new InvalidInputError([options, input].flatMap((part) => (part.isValid ? [] : part.issues)));
  }
  return { submission: build(request, options.value, input.value), waitMs: options.value.waitMs };
}

const attachmentsOf = (artifacts: Artifacts, { viewer, kind }: SubmissionRequest): CollectedAttachments =>
  createAttachments({ artifacts, userId: viewer.userId, path: pathOf(kind) });

/**
 * Checks a request whole, and stores its files, for whoever submits it later.
 * @throws InvalidInputError as `submit` does
 */
export async function prepareSubmission(
  services: Pick<SubmissionServices, 'database' | 'artifacts'>,
  request: SubmissionRequest,
): Promise<Submission> {
  const { submission } = await prepare(services, request, attachmentsOf(services.artifacts, request));
  return submission;
}

/**
 * Submits a task, durably once it resolves, and holds the answer as long as `waitMs` asks for.
 * @returns the task's row id, and its row where nobody need read it again
 * @throws InvalidInputError with all that is wrong, in paths such as `task.textToImage.width`; and what
 * `Tasks.submit` throws
 */
export async function submit(services: SubmissionServices, request: SubmissionRequest): Promise<Submitted> {
  const { artifacts, tasks, feed } = services;
  const { submission, waitMs } = await prepare(services, request, attachmentsOf(artifacts, request));
  const submitted = await tasks.submit(submission, request.viewer.tier);
  if (waitMs === 0) return submitted;
  const { taskId, existing } = submitted;
  await untilFinal(feed, taskId, { ms: waitMs, signals: request.signals });
  return { taskId, existing };
}

/**
 * What would become of the task if it were submitted now: null where that can't be told. Its uploads are looked
 * at, and removed again.
 * @throws as `submit` does for what is wrong with the input or the model
 */
export async function estimate(
  services: Pick<SubmissionServices, 'database' | 'artifacts' | 'tasks'>,
  request: SubmissionRequest,
): Promise<Estimate | null> {
  const { artifacts, tasks } = services;
  const attachments = attachmentsOf(artifacts, request);
  try {
    const { submission } = await prepare(services, request, attachments);
    return await tasks.estimateSubmission(submission, request.viewer.tier);
  } finally {
    if (attachments.storedIds.length > 0) await artifacts.remove(attachments.storedIds);
  }
}
