import type { GeneratedStatus, TaskStatus } from '../database/index.ts';
import type { ImageOutput, KindOutput, ModelOutput } from '../kinds/index.ts';
import type { LogEntry, Part } from './types.ts';

const ends: Readonly<Partial<Record<TaskStatus, GeneratedStatus>>> = {
  SUCCEEDED: 'COMPLETED',
  FAILED: 'FAILED',
  CANCELED: 'CANCELED',
};

/** Whether the log has not told its end yet. */
export const isOpen = ({ status }: Part): boolean => status === 'PENDING' || status === 'GENERATING';

/** Whether its task is there and has not ended. */
export const isLive = ({ task }: Part): boolean => task !== null && ends[task.status] === undefined;

/** In their order. */
export function imagesOf(parts: readonly Part[]): readonly Part[] {
  return parts.filter(({ role }) => role === 'IMAGE').toSorted((a, b) => a.number - b.number);
}

/** The model that counts: that of the last selection. */
export function modelOf(parts: readonly Part[]): Part | undefined {
  const models = parts.filter(({ role }) => role === 'MODEL');
  return models.toSorted((a, b) => a.number - b.number).at(-1);
}

/** A part whose task is not submitted yet. */
export function newPart(role: Part['role'], number: number, model: string, newId: () => string): Part {
  return {
    ...{ taskId: newId(), role, number, model },
    ...{ status: 'PENDING', started: false, seenVersion: 0, task: null },
  };
}

/** The part as its task says that it is. Between two attempts it is still being generated, whoever saw the first. */
export function mirrored(part: Part): Part {
  const { task } = part;
  if (task === null || task.version === part.seenVersion) return part;
  const isFirstSight = !part.started && task.attempt > 0;
  const waiting = part.status === 'GENERATING' || isFirstSight ? 'GENERATING' : 'PENDING';
  return {
    ...part,
    status: ends[task.status] ?? (task.status === 'RUNNING' ? 'GENERATING' : waiting),
    started: part.started || task.attempt > 0,
    seenVersion: task.version,
  };
}

/** A part of no consequence any more: only that its task was looked at. */
export function ignored(part: Part): Part {
  const seenVersion = part.task?.version ?? part.seenVersion;
  return seenVersion === part.seenVersion ? part : { ...part, seenVersion };
}

/** What its task, which has succeeded, came to. */
export function resultOf<Kind extends 'TEXT_GENERATION' | 'TEXT_TO_IMAGE' | 'IMAGE_TO_3D'>({
  task,
}: Part): KindOutput<Kind> {
  if (task?.status !== 'SUCCEEDED') throw new Error('only a task that has succeeded has a result');
  // As the kind's schema has it.
  return task.result as KindOutput<Kind>;
}

/** The artifact id of a picture that is completed. */
export function pictureOf(part: Part): string {
  const { images }: ImageOutput = resultOf<'TEXT_TO_IMAGE'>(part);
  const [image] = images;
  if (image === undefined) throw new Error(`the task ${part.taskId} succeeded without a picture`);
  return image;
}

/** Whether the part has ended since it was looked at before: for the first time, or again after a retry. */
const hasEnded = (before: Part, after: Part): boolean =>
  !isOpen(after) && after.seenVersion !== before.seenVersion;

/** What there is to tell of a picture. */
export function imageEntries(before: Part, after: Part, prompt: string): LogEntry[] {
  const index = after.number;
  const entries: LogEntry[] = [];
  if (after.started && !before.started) entries.push({ type: 'ImageGenerating', data: { index, prompt } });
  if (!hasEnded(before, after)) return entries;
  const error = after.task?.error;
  if (after.status === 'COMPLETED') {
    entries.push({ type: 'ImageCompleted', data: { index, image: pictureOf(after) } });
  } else if (after.status === 'FAILED' && error) {
    entries.push({ type: 'ImageFailed', data: { index, error } });
  }
  return entries;
}

/** What there is to tell of the model. */
export function modelEntries(before: Part, after: Part): LogEntry[] {
  const entries: LogEntry[] = [];
  if (after.started && !before.started) entries.push({ type: 'ModelGenerating', data: {} });
  if (!hasEnded(before, after)) return entries;
  const error = after.task?.error;
  if (after.status === 'COMPLETED') {
    const { files, preview }: ModelOutput = resultOf<'IMAGE_TO_3D'>(after);
    entries.push({ type: 'ModelCompleted', data: { files, preview: preview ?? null } });
  } else if (after.status === 'FAILED' && error) {
    entries.push({ type: 'ModelFailed', data: { error } });
  }
  return entries;
}

/** What is said of a part that somebody canceled alone: that has no event of its own. */
export function cancelNote(before: Part, after: Part): string[] {
  if (after.status !== 'CANCELED' || !hasEnded(before, after)) return [];
  return [after.role === 'MODEL' ? 'the model was canceled' : `image ${after.number} was canceled`];
}
