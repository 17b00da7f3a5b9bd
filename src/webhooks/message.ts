import type { TaskStatus } from '../database/index.ts';
import { encodeId } from '../ids.ts';

/** What a delivery tells, as the outbox has it. */
export interface Told {
  readonly type: string;
  /** Of a task, or of the webhook that was disabled. */
  readonly subjectId: string;
  readonly version: number | null;
  readonly status: TaskStatus | null;
  readonly attempt: number | null;
  readonly kind: string | null;
  readonly at: Date;
}

/** The same for every webhook and every attempt: what receivers tell repeats by. */
export function eventIdOf({ subjectId, version, at }: Pick<Told, 'subjectId' | 'version' | 'at'>): string {
  return version === null
    ? `${encodeId('Webhook', subjectId)}_${at.getTime()}`
    : `${encodeId('Task', subjectId)}_${version}`;
}

/** The body of its requests: what happened to what, and nothing that has to be kept from whoever reads along. */
export function bodyOf({ type, subjectId, version, status, attempt, kind, at }: Told): string {
  const data =
    version === null
      ? { webhookId: encodeId('Webhook', subjectId) }
      : { taskId: encodeId('Task', subjectId), kind, status, version, attempt };
  return JSON.stringify({ type, timestamp: at.toISOString(), data });
}
