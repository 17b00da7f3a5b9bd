import type { Feed } from '../events/index.ts';
import type { Edit, Estimate, Submission, Submitted, Tasks } from '../tasks/index.ts';
import { ownArtifacts } from './owned.ts';
import {
  draft,
  type PrepareServices,
  prepareValid,
  type SubmissionRequest,
  surroundingsOf,
} from './prepare.ts';
import { among, noTasks } from './relatives.ts';
import { untilFinal } from './wait.ts';

export type { Attachment, Attachments, MediaSource, Upload } from './attachments.ts';
export { type BatchRequest, submitBatch } from './batch.ts';
export { nameOfTaskFile } from './hash.ts';
export type { SubmissionOptions } from './options.ts';
export type { SubmissionRequest } from './prepare.ts';

export interface SubmissionServices extends PrepareServices {
  readonly tasks: Tasks;
  readonly feed: Feed;
}

/**
 * Checks a request whole, and stores its files, for whoever submits it later.
 * @throws InvalidInputError as `submit` does
 */
export async function prepareSubmission(
  services: PrepareServices,
  request: SubmissionRequest,
): Promise<Submission> {
  const { artifacts } = services;
  const findOwned = ownArtifacts(artifacts, request.viewer.userId);
  const drafted = draft(artifacts, request, { findOwned, findTask: noTasks });
  return (await prepareValid(services, drafted)).submission;
}

/**
 * Checks another input for a task that is there, and stores its files. The request is its owner's.
 * @param parents what the task depends on: its files and texts may come from these
 * @throws InvalidInputError as `submit` does
 */
export async function prepareEdit(
  services: PrepareServices & { readonly tasks: Pick<Tasks, 'kindsOf'> },
  request: SubmissionRequest,
  parents: ReadonlySet<string>,
): Promise<Edit> {
  const { findOwned, findTask } = surroundingsOf(services, request.viewer);
  const drafted = draft(services.artifacts, request, { findOwned, findTask: among(parents, findTask) });
  const { model, input, artifactIds } = (await prepareValid(services, drafted)).submission;
  return { model, input, artifactIds };
}

/**
 * Submits a task, durably once it resolves, and holds the answer as long as `waitMs` asks for.
 * @returns the task's row id, and its row where nobody need read it again
 * @throws InvalidInputError with all that is wrong, in paths such as `task.textToImage.width`; and what
 * `Tasks.submit` throws
 */
export async function submit(services: SubmissionServices, request: SubmissionRequest): Promise<Submitted> {
  const { artifacts, tasks, feed } = services;
  const drafted = draft(artifacts, request, surroundingsOf(services, request.viewer));
  const { submission, waitMs } = await prepareValid(services, drafted);
  const submitted = await tasks.submit(submission, request.viewer.tier);
  if (waitMs === 0) return submitted;
  const { taskId, existing } = submitted;
  await untilFinal(feed, taskId, { ms: waitMs, signals: request.signals });
  return { taskId, existing };
}

/**
 * What would become of the task if it were submitted now: null where that can't be told, as of one that depends
 * on others. Its uploads are looked at, and removed again.
 * @throws as `submit` does for what is wrong with the input or the model
 */
export async function estimate(
  services: Omit<SubmissionServices, 'feed'>,
  request: SubmissionRequest,
): Promise<Estimate | null> {
  const { artifacts, tasks } = services;
  const drafted = draft(artifacts, request, surroundingsOf(services, request.viewer));
  try {
    const { submission } = await prepareValid(services, drafted);
    if (submission.dependsOn) return null;
    return await tasks.estimateSubmission(submission, request.viewer.tier);
  } finally {
    const { storedIds } = drafted.attachments;
    if (storedIds.length > 0) await artifacts.remove(storedIds);
  }
}
