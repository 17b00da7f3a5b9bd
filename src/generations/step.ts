import type { GeneratedStatus } from '../database/index.ts';
import {
  cancelNote,
  ignored,
  imageEntries,
  imagesOf,
  isOpen,
  mirrored,
  modelEntries,
  modelOf,
  newPart,
  resultOf,
} from './parts.ts';
import { promptIn } from './prompt.ts';
import type { LogEntry, Outcome, Part, State } from './types.ts';
import { isLeft, isStopped, windUp } from './wind-up.ts';

/** A task of a generation that cannot be submitted, whoever tries again. */
export interface Refusal {
  readonly taskId: string;
  /** For people. */
  readonly reason: string;
}

export interface StepOptions {
  /** For the tasks that it comes to need. */
  newId(): string;
  readonly refusal?: Refusal | undefined;
  /** Of a stopped one: see `WindUpOptions`. */
  readonly isAwaited?: boolean | undefined;
}

type Standing = Pick<State, 'status' | 'phase'>;

/** The entry that tells where a generation is. */
export function updated({ status, phase }: Standing, message: string | null = null): LogEntry {
  return { type: 'GenerationUpdated', data: { status, phase, message } };
}

/** For people: that the prompt stands as it was given, and why. */
export function fallbackMessage(reason: string): string {
  return `the prompt is used as it was given: ${reason}`;
}

/** The pictures that are to be drawn. */
export function newImages({ imageCount, imageModel }: State, newId: () => string): Part[] {
  return Array.from({ length: imageCount }, (_, number) => newPart('IMAGE', number, imageModel, newId));
}

type Settled = Pick<State, 'finalPrompt' | 'fallback'>;

/** What becomes of the prompt once it is known whether it could be rewritten; null while that is not known. */
function settledPrompt(
  { prompt }: State,
  rewrite: Part | undefined,
  refusal: Refusal | undefined,
): Settled | null {
  const own = (fallback: string): Settled => ({ finalPrompt: prompt, fallback });
  if (!rewrite) return own('nobody is to rewrite it');
  if (refusal?.taskId === rewrite.taskId) return own(refusal.reason);
  if (rewrite.status === 'FAILED') return own(rewrite.task?.error?.message ?? 'the rewriting failed');
  if (rewrite.status === 'CANCELED') return own('the rewriting was canceled');
  if (rewrite.status !== 'COMPLETED') return null;
  const finalPrompt = promptIn(resultOf<'TEXT_GENERATION'>(rewrite).text);
  return finalPrompt === null ? own('the rewriting came to no prompt') : { finalPrompt, fallback: null };
}

function imageStanding(images: readonly Part[]): Standing {
  if (images.every(({ status }) => status === 'PENDING')) {
    return { status: 'IMAGE_PENDING', phase: 'IMAGE_GENERATION' };
  }
  if (images.some(isOpen)) return { status: 'IMAGE_GENERATING', phase: 'IMAGE_GENERATION' };
  if (images.some(({ status }) => status === 'COMPLETED')) {
    return { status: 'IMAGE_COMPLETED', phase: 'AWAITING_SELECTION' };
  }
  return { status: 'IMAGE_FAILED', phase: 'IMAGE_GENERATION' };
}

const modelStatuses = {
  PENDING: 'MODEL_PENDING',
  GENERATING: 'MODEL_GENERATING',
  COMPLETED: 'MODEL_COMPLETED',
  FAILED: 'MODEL_FAILED',
  CANCELED: 'MODEL_FAILED',
} as const satisfies Readonly<Record<GeneratedStatus, State['status']>>;

function standingOf({ status, phase }: State, parts: readonly Part[]): Standing {
  if (phase === 'COMPLETED') return { status, phase };
  const model = modelOf(parts);
  if (!model) return imageStanding(imagesOf(parts));
  return { status: modelStatuses[model.status], phase: 'MODEL_GENERATION' };
}

/** What has come of the look so far. */
interface Look {
  readonly before: State;
  readonly state: State;
  readonly parts: readonly Part[];
  readonly log: readonly LogEntry[];
  /** For people. */
  readonly notes: readonly string[];
}

/** Settles the prompt where that is possible by now; the pictures follow. */
function lookAtPrompt(look: Look, { newId, refusal }: StepOptions): Look {
  if (look.state.finalPrompt !== null) return look;
  const rewrite = look.parts.find(({ role }) => role === 'REWRITE');
  const settled = settledPrompt(look.state, rewrite, refusal);
  if (!settled) return look;
  const state = { ...look.state, ...settled };
  const { fallback } = settled;
  const note = fallback === null ? 'the prompt was rewritten' : fallbackMessage(fallback);
  return { ...look, state, parts: [...look.parts, ...newImages(state, newId)], notes: [...look.notes, note] };
}

/** A state that is gone through whether or not anybody looked meanwhile; null: none. */
function passed({ status, phase }: State, log: readonly LogEntry[]): Standing | null {
  const has = (wanted: LogEntry['type']): boolean => log.some(({ type }) => type === wanted);
  if (status === 'IMAGE_PENDING' && has('ImageGenerating')) return { status: 'IMAGE_GENERATING', phase };
  if (status === 'MODEL_PENDING' && has('ModelGenerating')) return { status: 'MODEL_GENERATING', phase };
  return null;
}

/** Tells the state that it comes to, where that is another one or there is something to say. */
function conclude({ before, state, parts, log, notes }: Look): Outcome {
  const through = passed(before, log);
  const entries = through ? [updated(through), ...log] : [...log];
  let after: State = { ...state, ...standingOf(state, parts) };
  const last = through ?? before;
  const isNews = after.status !== last.status || after.phase !== last.phase;
  if (isNews || notes.length > 0) entries.push(updated(after, notes.join('; ') || null));
  if (after.status === 'MODEL_COMPLETED') {
    after = { ...after, status: 'COMPLETED', phase: 'COMPLETED' };
    entries.push(updated(after));
  }
  const model = modelOf(parts);
  const isUnderWay = (part: Part): boolean => isOpen(part) && (part.role !== 'MODEL' || part === model);
  return { state: after, parts, log: entries, follow: parts.some(isUnderWay) ? 'now' : 'no' };
}

/**
 * What follows from where the tasks of a generation are by now: what is to be told, and where that leaves it. The
 * same whatever was missed in between, and nothing where nothing has changed.
 */
export function step(before: State, parts: readonly Part[], options: StepOptions): Outcome {
  const { refusal, isAwaited } = options;
  if (isStopped(before)) return windUp(before, parts, { isAwaited });
  const refused = parts.find(({ taskId }) => taskId === refusal?.taskId);
  if (refusal && refused?.role === 'IMAGE') {
    const failed: State = { ...before, status: 'FAILED' };
    return windUp(failed, parts, { log: [updated(failed, refusal.reason)] });
  }
  const model = modelOf(parts);
  const counts = (part: Part): boolean =>
    part.role === 'IMAGE' || part === model || (part.role === 'REWRITE' && before.finalPrompt === null);
  const lookAt = (part: Part): Part => {
    if (part === refused) return { ...part, status: 'FAILED' };
    return counts(part) ? mirrored(part) : ignored(part);
  };
  const changes = parts.map((part) => ({ part, now: lookAt(part) }));
  const prompt = before.finalPrompt ?? before.prompt;
  const log = changes.flatMap(({ part, now }) => {
    if (part.role === 'IMAGE') return imageEntries(part, now, prompt);
    return part === model ? modelEntries(part, now) : [];
  });
  const notes = changes.flatMap(({ part, now }) =>
    counts(part) && part.role !== 'REWRITE' ? cancelNote(part, now) : [],
  );
  if (refusal && refused && refused === model) notes.push(refusal.reason);
  const look: Look = { before, state: before, parts: changes.map(({ now }) => now), log, notes };
  return conclude(lookAtPrompt(look, options));
}

/** What is to be done for a generation, whoever does it: doing it twice does no harm. */
export interface Chores {
  readonly submit: readonly Part[];
  readonly cancel: readonly Part[];
}

/** What is to be submitted, and what canceled, where a generation is so. */
export function choresOf({ state, parts }: Pick<Outcome, 'state' | 'parts'>): Chores {
  if (isStopped(state)) return { submit: [], cancel: parts.filter(isLeft) };
  return { submit: parts.filter((part) => part.task === null && isOpen(part)), cancel: [] };
}
