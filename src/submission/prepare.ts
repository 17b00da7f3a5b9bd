import type { Viewer } from '../accounts/index.ts';
import type { Artifacts } from '../artifacts/index.ts';
import type { Database } from '../database/index.ts';
import { type InputIssue, InvalidInputError } from '../errors.ts';
import { type KindName, kindOf } from '../kinds/index.ts';
import type { Submission, Tasks } from '../tasks/index.ts';
import { type Checked, check } from '../validation.ts';
import type { Webhooks } from '../webhooks/index.ts';
import { type Attachments, type CollectedAttachments, createAttachments } from './attachments.ts';
import { hashOf } from './hash.ts';
import { checkOptions, type SubmissionOptions, type ValidOptions } from './options.ts';
import { type FindOwned, ownArtifacts } from './owned.ts';
import {
  checkDependencies,
  createRelatives,
  type FindTask,
  ownTasks,
  type Relatives,
  type Texts,
  unusedTexts,
} from './relatives.ts';

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

export interface PrepareServices {
  readonly database: Pick<Database, 'clock'>;
  readonly artifacts: Artifacts;
  readonly webhooks: Pick<Webhooks, 'urlProblem'>;
}

/** What of a user's a submission may name; shared by those that are prepared together. */
export interface Surroundings {
  readonly findOwned: FindOwned;
  readonly findTask: FindTask;
}

/** The user's own files and tasks. */
export function surroundingsOf(
  { artifacts, tasks }: { readonly artifacts: Artifacts; readonly tasks: Pick<Tasks, 'kindsOf'> },
  { userId }: Viewer,
): Surroundings {
  return { findOwned: ownArtifacts(artifacts, userId), findTask: ownTasks(tasks, userId) };
}

/** A request, and what is gathered from it as it is prepared. */
export interface Draft {
  readonly request: SubmissionRequest;
  readonly attachments: CollectedAttachments;
  /** What it depends on, by the places where it says so. */
  readonly relatives: Relatives;
}

/** Of the caller's input as a whole, in the caller's words: `task.textToImage`. */
function pathOf(kind: KindName): string {
  return `task.${kindOf(kind).field}`;
}

/** Begins to prepare a request: nothing of it is read yet. */
export function draft(
  artifacts: Artifacts,
  request: SubmissionRequest,
  { findOwned, findTask }: Surroundings,
): Draft {
  const { viewer, kind } = request;
  const relatives = createRelatives(findTask);
  const path = pathOf(kind);
  return {
    request,
    relatives,
    attachments: createAttachments({ artifacts, userId: viewer.userId, findOwned, relatives, path }),
  };
}

interface Input {
  readonly model: string | null;
  readonly input: unknown;
}

/** Reads the kind's input, stores its files, and checks it. */
async function checkInput({ request, attachments }: Draft): Promise<Checked<Input>> {
  const { kind, read } = request;
  try {
    const { model, input } = await read(attachments);
    const checked = check(kindOf(kind).input, input, pathOf(kind));
    return checked.isValid ? { isValid: true, value: { model, input: checked.value } } : checked;
  } catch (error) {
    if (error instanceof InvalidInputError) return { isValid: false, issues: error.issues };
    throw error;
  }
}

async function checkWebhook(
  webhooks: PrepareServices['webhooks'],
  url: string | null,
): Promise<Checked<null>> {
  const message = url === null ? null : await webhooks.urlProblem(url);
  return message === null
    ? { isValid: true, value: null }
    : { isValid: false, issues: [{ path: 'webhookUrl', message }] };
}

/** A submission that is right, and what its hash is made from. */
export interface Prepared {
  readonly submission: Submission;
  readonly waitMs: number;
}

interface Parts {
  readonly options: ValidOptions;
  readonly texts: Texts;
  readonly input: Input;
}

function build({ request, attachments, relatives }: Draft, parts: Parts, refs: ReadonlyMap<string, string>) {
  const { viewer, kind, options: given } = request;
  const { waitMs, idempotencyKey, webhookUrl, ...options } = parts.options;
  const { model, input } = parts.input;
  const dependsOn = [...relatives.named.keys()];
  // Only where there are any: submissions without have the hashes that they always had.
  const webhook = webhookUrl === null ? {} : { webhookUrl };
  const parents = dependsOn.length === 0 ? {} : { dependsOn };
  const texts = Object.keys(parts.texts).length === 0 ? {} : { texts: parts.texts };
  const named = {
    parents: dependsOn.map((taskId) => refs.get(taskId) ?? taskId).toSorted(),
    texts: Object.entries(parts.texts).map(([name, taskId]) => ({ name, taskId })),
  };
  const submission: Submission = {
    ...{ ...options, ...webhook, ...parents, ...texts },
    ...{ userId: viewer.userId, kind, model, input, idempotencyKey },
    inputHash: hashOf(
      {
        ...{ kind, model, input, ...options, ...webhook },
        // The times as they were given: a replay is the same however late it comes.
        startAt: given.startAt ?? null,
        ...(dependsOn.length === 0 ? {} : named),
      },
      (id) => refs.get(id) ?? attachments.sha256.get(id),
    ),
    artifactIds: [...new Set(attachments.artifactIds)],
  };
  return { submission, waitMs };
}

export interface PrepareOptions {
  /** It may have been submitted before: it has an idempotency key, or its batch has. */
  readonly mayBeReplay?: boolean;
  /** What tasks of the same batch are called in it, by their ids until then. */
  readonly refs?: ReadonlyMap<string, string>;
}

/** Checks a draft whole; answers everything that is wrong with it in paths such as `task.textToImage.width`. */
export async function prepare(
  { database, webhooks }: Pick<PrepareServices, 'database' | 'webhooks'>,
  drafted: Draft,
  { mayBeReplay, refs = new Map() }: PrepareOptions = {},
): Promise<Checked<Prepared>> {
  const given = drafted.request.options;
  const options = checkOptions(given, database.clock.now(), mayBeReplay);
  const [webhook, texts, input] = await Promise.all([
    checkWebhook(webhooks, given.webhookUrl ?? null),
    checkDependencies(given, drafted.relatives),
    checkInput(drafted),
  ]);
  const unused = input.isValid ? unusedTexts(given.textsFrom ?? [], input.value.input) : [];
  if (options.isValid && webhook.isValid && texts.isValid && input.isValid && unused.length === 0) {
    const parts = { options: options.value, texts: texts.value, input: input.value };
    return { isValid: true, value: build(drafted, parts, refs) };
  }
  const wrong = [options, webhook, texts, input].flatMap((part): readonly InputIssue[] =>
    part.isValid ? [] : part.issues,
  );
  return { isValid: false, issues: [...wrong, ...unused] };
}

/** As {@link prepare}. @throws InvalidInputError with all that is wrong */
export async function prepareValid(
  services: Pick<PrepareServices, 'database' | 'webhooks'>,
  drafted: Draft,
): Promise<Prepared> {
  const prepared = await prepare(services, drafted);
  if (prepared.isValid) return prepared.value;
  throw new InvalidInputError(prepared.issues);
}
