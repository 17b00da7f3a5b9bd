import { describe, expect, test } from 'vitest';
import { MediaUnavailableError } from '../../src/artifacts/index.ts';
import { NotFoundError } from '../../src/errors.ts';
import { NodeFault } from '../../src/nodes/index.ts';
import type { Claimed } from '../../src/tasks/index.ts';
import { AttemptFault, errorVerdict, stopVerdict } from '../../src/worker/outcome.ts';

const claimed = { lease: { attempt: 2 }, timeoutMs: 500 } as Claimed;

const fault = (
  side: NodeFault['side'],
  code: NodeFault['code'],
  options: { sent?: boolean; retryAfterMs?: number } = {},
) => new NodeFault('it went wrong', { side, code, sent: true, ...options });

describe('what an error means', () => {
  test.each([
    ['the task’s fault', fault('task', 'NODE_REJECTED'), 'NODE_REJECTED', 'FAILED', 'final', 'fine'],
    ['a full node', fault('busy', 'NODE_ERROR'), 'NODE_ERROR', 'FAILED', 'unspent', 'unknown'],
    ['an error of the node', fault('node', 'NODE_ERROR'), 'NODE_ERROR', 'FAILED', 'spent', 'failed'],
    [
      'a broken connection',
      fault('node', 'NODE_UNREACHABLE'),
      'NODE_UNREACHABLE',
      'NODE_LOST',
      'spent',
      'failed',
    ],
    [
      'a refused connection',
      fault('node', 'NODE_UNREACHABLE', { sent: false }),
      'NODE_UNREACHABLE',
      'NODE_LOST',
      'unspent',
      'failed',
    ],
    [
      'nonsense for an answer',
      fault('node', 'BAD_NODE_ANSWER'),
      'BAD_NODE_ANSWER',
      'FAILED',
      'spent',
      'failed',
    ],
    [
      'a file that is unreadable',
      fault('input', 'INPUT_UNAVAILABLE'),
      'INPUT_UNAVAILABLE',
      'FAILED',
      'spent',
      'unknown',
    ],
    [
      'a file that is gone',
      new MediaUnavailableError('gone', { retryable: false }),
      'INPUT_UNAVAILABLE',
      'FAILED',
      'final',
      'unknown',
    ],
    [
      'a file behind a server that is down',
      new MediaUnavailableError('down', { retryable: true }),
      'INPUT_UNAVAILABLE',
      'FAILED',
      'spent',
      'unknown',
    ],
    [
      'a full disk',
      new AttemptFault('STORAGE_ERROR', 'full', null),
      'STORAGE_ERROR',
      'FAILED',
      'spent',
      'unknown',
    ],
    [
      'a node that was removed',
      new NotFoundError('gone'),
      'NODE_UNREACHABLE',
      'FAILED',
      'unspent',
      'unknown',
    ],
    ['a bug', new TypeError('undefined is not a function'), 'INTERNAL_ERROR', 'FAILED', 'spent', 'unknown'],
  ] as const)('%s', (_name, error, code, outcome, cost, node) => {
    const verdict = errorVerdict(claimed, error);
    expect(verdict).toMatchObject({ node, end: { outcome, error: { code, attempt: 2 } } });
    expect(verdict.end.spendsAttempt).toBe(cost !== 'unspent');
    expect(verdict.end.error.retryable).toBe(cost !== 'final');
  });

  test('a bug’s own message is not for the task’s owner', () => {
    const { end } = errorVerdict(claimed, new TypeError('secret'));
    expect(end.error.message).not.toContain('secret');
  });

  test('a slot is left alone as long as its full node asks, and about a second where it says nothing', () => {
    expect(errorVerdict(claimed, fault('busy', 'NODE_ERROR', { retryAfterMs: 7_000 })).coolDownMs).toBe(
      7_000,
    );
    expect(errorVerdict(claimed, fault('busy', 'NODE_ERROR')).coolDownMs).toBe(1_000);
    expect(errorVerdict(claimed, fault('node', 'NODE_ERROR')).coolDownMs).toBe(0);
  });
});

test('what a lost node ran is not kept waiting, as what failed on its own is', () => {
  expect(stopVerdict(claimed, 'node-lost').end.retryAfterMs).toBe(0);
  expect(errorVerdict(claimed, fault('node', 'NODE_UNREACHABLE')).end.retryAfterMs).toBe(500);
  expect(errorVerdict(claimed, fault('node', 'NODE_ERROR')).end.retryAfterMs).toBeNull();
});

describe('what it means that an attempt was stopped', () => {
  test.each([
    ['timeout', 'TIMED_OUT', 'TIMED_OUT', true],
    ['node-lost', 'NODE_UNREACHABLE', 'NODE_LOST', true],
    ['lease-lost', 'WORKER_LOST', 'WORKER_LOST', true],
    ['drain', 'WORKER_LOST', 'WORKER_LOST', false],
  ] as const)('by %s', (reason, code, outcome, spendsAttempt) => {
    const { end } = stopVerdict(claimed, reason);
    expect(end).toMatchObject({ outcome, spendsAttempt, error: { code, retryable: true } });
  });
});
