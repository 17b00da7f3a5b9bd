import { type Answer, type Api, answerOf, bearer, type SendOptions } from './support.ts';

export interface StreamOptions extends SendOptions {
  /** Called when the server has begun to answer: from then on it tells whatever happens. */
  readonly opened?: () => void;
}

/** The messages of a stream over SSE: results, until the server says that it is complete. */
export async function* subscribe(
  { url }: Api,
  query: string,
  { as, variables = {}, headers = {}, opened = () => undefined }: StreamOptions = {},
): AsyncGenerator<Pick<Answer, 'data' | 'errors'>> {
  const abort = new AbortController();
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    signal: abort.signal,
    headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...bearer(as), ...headers },
    body: JSON.stringify({ query, variables }),
  });
  opened();
  if (!response.headers.get('content-type')?.startsWith('text/event-stream')) {
    yield answerOf(response);
    return;
  }
  try {
    for await (const { event, data } of serverSentEvents(response)) {
      if (event === 'complete') return;
      const { data: value, errors = [] } = JSON.parse(data);
      yield { data: value, errors };
    }
  } finally {
    abort.abort();
  }
}

async function* serverSentEvents(response: Response): AsyncGenerator<{ event: string; data: string }> {
  let text = '';
  for await (const chunk of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const parts = text.split('\n\n');
    text = parts.pop() ?? '';
    for (const part of parts) {
      const fields = new Map(part.split('\n').map((line) => line.split(/: ?(.*)/, 2) as [string, string]));
      if (fields.has('event')) yield { event: fields.get('event') ?? '', data: fields.get('data') ?? '' };
    }
  }
}

/** The first message of a stream, which is left then. */
export async function first(
  api: Api,
  query: string,
  options: SendOptions = {},
): Promise<Pick<Answer, 'data' | 'errors'>> {
  for await (const message of subscribe(api, query, options)) return message;
  throw new Error('the stream completed without a message');
}
