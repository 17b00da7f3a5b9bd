import type { NodeAnswer, NodeRequest } from '../client.ts';
import { badAnswer } from './answer.ts';

/** One event of a stream. */
export interface JsonEvent {
  /** As server-sent events have it; `message` on lines of JSON. */
  readonly name: string;
  readonly data: unknown;
}

const NEWLINE = 0x0a;
const STREAMED = /^(?:text\/event-stream|application\/(?:x-)?(?:ndjson|jsonl|json-lines))\b/i;

/** What server-sent events begin with, under whatever content type they come. */
const BEGINNING = /^\uFEFF?(?:data|event|id|retry)?:/;

/** Whether an answer is a stream of events rather than one result. */
export function isStream({ headers }: Pick<NodeAnswer, 'headers'>): boolean {
  return STREAMED.test(headers['content-type'] ?? '');
}

/** As {@link isStream}, or by how it begins: some servers and proxies mislabel it. */
export function looksLikeStream(answer: Pick<NodeAnswer, 'headers' | 'bytes'>): boolean {
  return isStream(answer) || BEGINNING.test(Buffer.from(answer.bytes.subarray(0, 16)).toString());
}

export interface JsonEvents {
  /** For the request whose answer may be a stream: others leave no events. */
  readonly onData: NonNullable<NodeRequest['onData']>;
  /** After the answer: what came without a line break at its end; all of a stream that was mislabeled. */
  end(answer?: NodeAnswer): void;
  /** Whether the end was announced: `data: [DONE]`. */
  readonly isDone: boolean;
}

/**
 * Reads server-sent events, or lines of JSON each of which is one, as they come. Comments, and events without
 * data, are left out.
 * @throws NodeFault (BAD_NODE_ANSWER) at data that is no JSON
 */
export function jsonEvents(onEvent: (event: JsonEvent) => void): JsonEvents {
  const decoder = new TextDecoder();
  let rest = '';
  let name = 'message';
  let data: string[] = [];
  let isDone = false;

  function dispatch(): void {
    const text = data.join('\n');
    const event = name;
    [name, data] = ['message', []];
    if (text === '[DONE]') isDone = true;
    else if (text !== '') onEvent({ name: event, data: parse(text) });
  }

  function read(line: string): void {
    const field = /^(event|data|id|retry)?: ?(.*)$/.exec(line);
    if (line.trim() === '') dispatch();
    else if (field === null) onEvent({ name: 'message', data: parse(line) });
    else if (field[1] === 'event') name = field[2] ?? '';
    else if (field[1] === 'data') data.push(field[2] ?? '');
  }

  function take(chunk: Uint8Array): void {
    rest += decoder.decode(chunk, { stream: true });
    // A long line is not looked through again with each of its chunks.
    if (!chunk.includes(NEWLINE)) return;
    const lines = rest.split(/\r?\n/);
    rest = lines.pop() ?? '';
    for (const line of lines) read(line);
  }

  return {
    get isDone() {
      return isDone;
    },
    onData(chunk, head) {
      if (head.status === 200 && isStream(head)) take(chunk);
    },
    end(answer) {
      if (answer && !isStream(answer)) take(answer.bytes);
      if (rest !== '') read(rest);
      rest = '';
      dispatch();
    },
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw badAnswer('has an event that is no JSON', cause);
  }
}
