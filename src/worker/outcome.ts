import { MediaUnavailableError } from '../artifacts/index.ts';
import { NotFoundError } from '../errors.ts';
import { NodeFault } from '../nodes/index.ts';
import type { AttemptEnd, Claimed, TaskErrorCode } from '../tasks/index.ts';

/** Why an attempt was ended before its node answered. */
export type StopReason = 'timeout' | 'cancel' | 'node-lost' | 'node-drained' | 'lease-lost' | 'drain';

/** What the failure of an attempt means for the task, its slot and its node. */
export interface Verdict {
  readonly end: Extract<AttemptEnd, { type: 'failed' }>;
  /** How long the slot is left alone. */
  readonly coolDownMs: number;
  /** Whether it speaks against the node, for it, or not at all. */
  readonly node: 'failed' | 'fine' | 'unknown';
}

type Rule = Omit<Extract<AttemptEnd, { type: 'failed' }>, 'type' | 'error'> &
  Omit<Verdict, 'end'> & { readonly retryable: boolean };

/** A node that is full, or refuses connections, is left alone so long where it says nothing else. */
const COOL_DOWN_MS = 1_000;

/** After a connection that broke: long enough to find out whether the node is gone. */
const CUT_OFF_RETRY_MS = 500;

const UNFORESEEN = 'something unexpected happened; the log has it';

const spent = { spendsAttempt: true, retryAfterMs: null, coolDownMs: 0, retryable: true } as const;
const unspent = { spendsAttempt: false, retryAfterMs: 0, retryable: true } as const;

const stopRules = {
  timeout: { ...spent, outcome: 'TIMED_OUT', node: 'unknown' },
  // The node is known to be gone, and another one need not be waited for.
  'node-lost': { ...spent, retryAfterMs: 0, outcome: 'NODE_LOST', node: 'unknown' },
  'node-drained': { ...unspent, outcome: 'NODE_LOST', node: 'unknown', coolDownMs: 0 },
  'lease-lost': { ...spent, outcome: 'WORKER_LOST', node: 'unknown' },
  drain: { ...unspent, outcome: 'WORKER_LOST', node: 'unknown', coolDownMs: 0 },
} as const satisfies Record<Exclude<StopReason, 'cancel'>, Rule>;

function faultRule(fault: NodeFault): Rule {
  const coolDownMs = fault.retryAfterMs ?? COOL_DOWN_MS;
  switch (fault.side) {
    case 'task':
      return { ...spent, outcome: 'FAILED', retryable: false, node: 'fine' };
    case 'busy':
      return { ...unspent, outcome: 'FAILED', node: 'unknown', coolDownMs };
    case 'input':
      return { ...spent, outcome: 'FAILED', node: 'unknown' };
    case 'node':
      if (!fault.sent) return { ...unspent, outcome: 'NODE_LOST', node: 'failed', coolDownMs };
      return fault.code === 'NODE_UNREACHABLE'
        ? { ...spent, retryAfterMs: CUT_OFF_RETRY_MS, outcome: 'NODE_LOST', node: 'failed' }
        : { ...spent, outcome: 'FAILED', node: 'failed' };
    default:
      return fault.side satisfies never;
  }
}

function verdict(claimed: Claimed, code: TaskErrorCode, message: string, rule: Rule): Verdict {
  const { retryable, node, coolDownMs, ...rest } = rule;
  const error = { code, message, retryable, attempt: claimed.lease.attempt };
  return { end: { type: 'failed', error, ...rest }, node, coolDownMs };
}

/** What it means that an attempt was stopped. A canceled one is final already, and has no verdict. */
export function stopVerdict(claimed: Claimed, reason: Exclude<StopReason, 'cancel'>): Verdict {
  const rule = stopRules[reason];
  switch (reason) {
    case 'timeout':
      return verdict(claimed, 'TIMED_OUT', `no answer within ${claimed.timeoutMs} ms`, rule);
    case 'node-lost':
      return verdict(claimed, 'NODE_UNREACHABLE', 'the node was lost while it worked', rule);
    case 'node-drained':
      return verdict(claimed, 'NODE_UNREACHABLE', 'the node was drained while it worked', rule);
    case 'lease-lost':
      return verdict(claimed, 'WORKER_LOST', 'the worker lost its lease', rule);
    case 'drain':
      return verdict(claimed, 'WORKER_LOST', 'the worker was stopped', rule);
    default:
      return reason satisfies never;
  }
}

/** An attempt failed before or after its call. */
export class AttemptFault extends Error {
  override readonly name = 'AttemptFault';
  readonly code: Extract<TaskErrorCode, 'BAD_NODE_ANSWER' | 'STORAGE_ERROR' | 'WORKER_LOST'>;

  constructor(code: AttemptFault['code'], message: string, cause: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** What an error means that came out of an attempt. Errors that nobody foresaw are `INTERNAL_ERROR`. */
export function errorVerdict(claimed: Claimed, error: unknown): Verdict {
  if (error instanceof NodeFault) return verdict(claimed, error.code, error.message, faultRule(error));
  const rule = { ...spent, outcome: 'FAILED', node: 'unknown' } as const;
  if (error instanceof MediaUnavailableError) {
    return verdict(claimed, 'INPUT_UNAVAILABLE', error.message, { ...rule, retryable: error.retryable });
  }
  if (error instanceof AttemptFault) {
    const node = error.code === 'BAD_NODE_ANSWER' ? 'failed' : 'unknown';
    return verdict(claimed, error.code, error.message, { ...rule, node });
  }
  if (error instanceof NotFoundError) {
    // The node was removed between the claim and the call.
    return verdict(claimed, 'NODE_UNREACHABLE', 'the node was removed', { ...rule, ...unspent });
  }
  return verdict(claimed, 'INTERNAL_ERROR', UNFORESEEN, rule);
}
