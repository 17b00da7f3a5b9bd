import { type Artifacts, MediaUnavailableError } from '../artifacts/index.ts';
import { encodeId } from '../ids.ts';
import { fillPlaceholders, kindOf, type MediaReference, type TaskFile } from '../kinds/index.ts';
import type { Claimed, MadeResult, Tasks } from '../tasks/index.ts';
import { check } from '../validation.ts';

export interface ParentsOptions {
  readonly claimed: Claimed;
  readonly tasks: Pick<Tasks, 'resultsOf'>;
  readonly artifacts: Pick<Artifacts, 'find'>;
}

/** A task's input as it is sent: every file by itself, every text in its place. */
export interface ReadyInput {
  readonly input: unknown;
  readonly media: readonly MediaReference[];
}

const unavailable = (message: string): MediaUnavailableError =>
  new MediaUnavailableError(message, { retryable: false });

type Results = ReadonlyMap<string, MadeResult>;

function resultOf(results: Results, taskId: string): MadeResult {
  const found = results.get(taskId);
  if (!found) throw unavailable(`${encodeId('Task', taskId)}, whose result it takes up, is gone`);
  return found;
}

function fileOf(results: Results, { fromTask: { taskId, index } }: TaskFile): MediaReference {
  const { kind, result } = resultOf(results, taskId);
  const files = kindOf(kind).files?.(result) ?? [];
  const artifactId = files[index];
  if (artifactId !== undefined) return { artifactId };
  throw unavailable(`${encodeId('Task', taskId)} made ${files.length} files: there is no number ${index}`);
}

function textOf(results: Results, taskId: string): string {
  const { kind, result } = resultOf(results, taskId);
  const text = kindOf(kind).text?.(result) ?? null;
  if (text === null) throw unavailable(`${encodeId('Task', taskId)} made no text`);
  return text;
}

const isTaskFile = (reference: MediaReference | TaskFile): reference is TaskFile => 'fromTask' in reference;

const isReady = (reference: MediaReference | TaskFile): reference is MediaReference => !isTaskFile(reference);

/** The same value with these parts of it, which are told by their identity, replaced. */
function replaceParts(value: unknown, parts: ReadonlyMap<unknown, unknown>): unknown {
  if (parts.has(value)) return parts.get(value);
  if (Array.isArray(value)) return value.map((inner) => replaceParts(inner, parts));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, replaceParts(inner, parts)]));
}

async function assertPictures(
  { find }: Pick<Artifacts, 'find'>,
  references: readonly MediaReference[],
): Promise<void> {
  const ids = references.flatMap((reference) => ('artifactId' in reference ? reference.artifactId : []));
  const other = (await find(ids)).find(({ mimeType }) => !mimeType.startsWith('image/'));
  if (other) throw unavailable(`what it takes up must be a picture, not ${other.mimeType}`);
}

/**
 * Checks a claimed task's input once more, and puts what other tasks made where it names them.
 * @throws MediaUnavailableError where they made nothing that fits
 */
export async function readInput({ claimed, tasks, artifacts }: ParentsOptions): Promise<ReadyInput> {
  const kind = kindOf(claimed.kind);
  const given = kind.input.parse(claimed.input);
  const references = kind.media(given);
  const files = references.filter(isTaskFile);
  const named = Object.entries(claimed.texts ?? {});
  if (files.length + named.length === 0) return { input: given, media: references.filter(isReady) };

  const ids = [...files.map(({ fromTask }) => fromTask.taskId), ...named.map(([, taskId]) => taskId)];
  const results = await tasks.resultsOf(claimed.userId, [...new Set(ids)]);
  const made = new Map(files.map((file) => [file, fileOf(results, file)]));
  if (kind.mediaSort === 'image') await assertPictures(artifacts, [...made.values()]);
  const texts = new Map(named.map(([name, taskId]) => [name, textOf(results, taskId)]));
  const checked = check(kind.input, fillPlaceholders(replaceParts(given, made), texts));
  if (!checked.isValid) {
    const wrong = checked.issues.map(({ path, message }) => `${path}: ${message}`).join('; ');
    throw unavailable(`with what other tasks made, the input is not valid: ${wrong}`);
  }
  return { input: checked.value, media: kind.media(checked.value).filter(isReady) };
}
