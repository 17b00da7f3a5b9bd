import { z } from 'zod';
import type { NodeAnswer } from '../client.ts';
import { type FaultCode, type FaultSide, NodeFault } from '../fault.ts';
import { cleanText } from './text.ts';

const MAX_TEXT_BYTES = 2_048;
const MAX_RETRY_AFTER_MS = 600_000;

/** Of a server that is full or still loads: it is well, and asks for time. */
const BUSY_WORDS =
  /\b(full|busy|overload(ed)?|capacity|too many|queue|loading|starting|staging|installing)\b/i;

/** Our token, path or patience is wrong there, what was asked for is gone, or what stands behind it failed: another node may do it. */
const NODE_STATUSES = new Set([401, 403, 404, 405, 407, 408, 410, 421, 424, 426]);

/** The first 2,048 bytes as text. */
export function rawText({ bytes }: Pick<NodeAnswer, 'bytes'>): string {
  const text = new TextDecoder().decode(bytes.subarray(0, MAX_TEXT_BYTES));
  return cleanText(text.replace(/\uFFFD$/, ''));
}

const message = z.string().min(1);
const errorBody = z.union([
  z.object({ error: z.object({ message }) }).transform(({ error }) => error.message),
  z.object({ message }).transform((body) => body.message),
  z.object({ error: message }).transform(({ error }) => error),
  z.object({ detail: message }).transform(({ detail }) => detail),
  // FastAPI's validation errors.
  z
    .object({
      detail: z.array(z.object({ loc: z.array(z.union([z.string(), z.number()])), msg: z.string() })).min(1),
    })
    .transform(({ detail }) => detail.map(({ loc, msg }) => `${loc.join('.')}: ${msg}`).join('; ')),
  z.object({ text: message }).transform(({ text }) => text),
]);

/** What a server says is wrong: the message of the usual JSON shapes, or else the body's first 2,048 bytes. */
export function errorText(answer: NodeAnswer): string {
  const text = rawText(answer);
  if (/html/.test(answer.headers['content-type'] ?? '') && text.startsWith('<')) return '';
  try {
    const parsed = errorBody.safeParse(JSON.parse(answer.text()));
    return parsed.success ? cleanText(parsed.data.slice(0, MAX_TEXT_BYTES)) : text;
  } catch {
    return text; // No JSON: the text is all there is.
  }
}

/**
 * Whose fault an HTTP error is: 429 and a 503 that is full are busy, 400 and the like the task's, the rest
 * the node's. `text` is what the server says is wrong.
 */
export function refusal(answer: NodeAnswer, text = errorText(answer)): NodeFault {
  const { status, headers } = answer;
  const retryAfter = headers['retry-after'];
  if (status < 400) {
    return fault('node', 'BAD_NODE_ANSWER', `the node answered ${status} where a result was due`, text);
  }
  if (status === 429 || (status === 503 && (retryAfter !== undefined || BUSY_WORDS.test(text)))) {
    return fault('busy', 'NODE_ERROR', 'the node is full', text, retryAfterMs(retryAfter));
  }
  if (status === 401 || status === 403) {
    // Their bodies tend to repeat the token.
    return fault('node', 'NODE_ERROR', `the node refused our token (${status})`, '');
  }
  if (status >= 500 || NODE_STATUSES.has(status)) {
    return fault('node', 'NODE_ERROR', `the node answered ${status}`, text);
  }
  return fault('task', 'NODE_REJECTED', `the node refused the task (${status})`, text);
}

/** The fault of the task as the node sees it: no retry. */
export function rejected(text: string): NodeFault {
  return fault('task', 'NODE_REJECTED', 'the node refused the task', text);
}

/** The fault of nobody: the node has no room now. */
export function full(text: string): NodeFault {
  return fault('busy', 'NODE_ERROR', 'the node is full', text);
}

/** The fault of a node that says it failed. */
export function failed(text: string): NodeFault {
  return fault('node', 'NODE_ERROR', 'the node failed', text);
}

function fault(side: FaultSide, code: FaultCode, what: string, text: string, retryAfter?: number): NodeFault {
  return new NodeFault(text === '' ? what : `${what}: ${cleanText(text)}`, {
    side,
    code,
    sent: true,
    ...(retryAfter === undefined ? {} : { retryAfterMs: retryAfter }),
  });
}

/** `Retry-After` in milliseconds, of seconds or a date; undefined where there is none to make sense of. */
function retryAfterMs(header: string | undefined, now = Date.now()): number | undefined {
  if (header === undefined || header.trim() === '') return undefined;
  const ms = /^\s*\d+(\.\d+)?\s*$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS);
}
