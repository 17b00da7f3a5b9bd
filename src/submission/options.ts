import { z } from 'zod';
import type { TaskPriority } from '../database/index.ts';
import type { InputIssue } from '../errors.ts';
import { type Checked, check } from '../validation.ts';
import type { Dependencies } from './relatives.ts';

/** What a caller may say of a task beside its input; null and left out are the same. */
export interface SubmissionOptions extends Dependencies {
  readonly priority?: TaskPriority | null | undefined;
  readonly startAt?: Date | null | undefined;
  readonly deadline?: Date | null | undefined;
  readonly timeoutMs?: number | null | undefined;
  readonly maxAttempts?: number | null | undefined;
  readonly idempotencyKey?: string | null | undefined;
  readonly webhookUrl?: string | null | undefined;
  readonly waitMs?: number | null | undefined;
  readonly labels?: Record<string, unknown> | null | undefined;
}

export interface ValidOptions {
  readonly priority: TaskPriority;
  readonly startAt: Date | null;
  readonly deadline: Date | null;
  readonly timeoutMs: number | null;
  readonly maxAttempts: number;
  readonly idempotencyKey: string | null;
  readonly webhookUrl: string | null;
  readonly waitMs: number;
  readonly labels: Readonly<Record<string, string>> | null;
}

const YEAR_MS = 366 * 24 * 3600 * 1000;
const MAX_LABELS = 32;
const MAX_NAME = 'a name must have 1 to 100 characters';

const range = (min: number, max: number) => {
  // Said when it is asked for: the first number that is written so takes a good part of a start.
  const error = (): string => `must be ${min.toLocaleString('en')} to ${max.toLocaleString('en')}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
};

const text = (max: number) => {
  const error = `must have 1 to ${max} characters`;
  return z.string({ error: 'must be a string' }).min(1, { error }).max(max, { error });
};

const labelName = z.string().min(1, MAX_NAME).max(100, MAX_NAME);
const labelValue = z
  .string({ error: 'must be a string' })
  .max(1_000, { error: 'must have at most 1,000 characters' });

const labels = z
  .record(labelName, labelValue)
  .refine((all) => Object.keys(all).length <= MAX_LABELS, `must be at most ${MAX_LABELS}`);

const schema = z.object({
  priority: z
    .enum(['LOW', 'NORMAL', 'HIGH', 'URGENT'])
    .nullish()
    .transform((priority) => priority ?? 'NORMAL'),
  timeoutMs: range(10, 86_400_000)
    .nullish()
    .transform((ms) => ms ?? null),
  maxAttempts: range(1, 100)
    .nullish()
    .transform((tries) => tries ?? 3),
  idempotencyKey: text(255)
    .nullish()
    .transform((key) => key ?? null),
  webhookUrl: z
    .string()
    .nullish()
    .transform((url) => url ?? null),
  waitMs: range(0, 60_000)
    .nullish()
    .transform((ms) => ms ?? 0),
  labels: labels.nullish().transform((all) => (all && Object.keys(all).length > 0 ? all : null)),
});

interface Times {
  readonly startAt: Date | null;
  readonly deadline: Date | null;
  /** A replay is told its task, and a task that comes too late that it does. */
  readonly mayBeReplay: boolean;
}

function checkTimes({ startAt, deadline, mayBeReplay }: Times, now: Date): InputIssue[] {
  const issues: InputIssue[] = [];
  if (startAt !== null && startAt.getTime() > now.getTime() + YEAR_MS) {
    issues.push({ path: 'startAt', message: 'must be within a year from now' });
  }
  if (deadline !== null && deadline <= now && !mayBeReplay)
    issues.push({ path: 'deadline', message: 'must be in the future' });
  else if (deadline !== null && startAt !== null && deadline <= startAt) {
    issues.push({ path: 'deadline', message: 'must be after startAt' });
  }
  return issues;
}

/**
 * Checks everything of a submission but its input, and what it depends on. A start in the past is no start time.
 * @param mayBeReplay it may have been submitted before
 */
export function checkOptions(
  options: SubmissionOptions,
  now: Date,
  mayBeReplay = options.idempotencyKey != null,
): Checked<ValidOptions> {
  const startAt = options.startAt != null && options.startAt > now ? options.startAt : null;
  const deadline = options.deadline ?? null;
  const checked = check(schema, options);
  const issues = [
    ...(checked.isValid ? [] : checked.issues),
    ...checkTimes({ startAt, deadline, mayBeReplay }, now),
  ];
  if (!checked.isValid || issues.length > 0) return { isValid: false, issues };
  return { isValid: true, value: { ...checked.value, startAt, deadline } };
}
