import { type Fault, Refused } from './client.ts';

interface ServerSentEvent {
  readonly event: string;
  readonly data: string;
}

async function* eventsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerSentEvent, void> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    const parts = text.split(/\r?\n\r?\n/);
    text = parts.pop() ?? '';
    for (const part of parts) {
      const fields = part.split(/\r?\n/).filter((line) => !line.startsWith(':'));
      const value = (name: string) =>
        fields
          .filter((line) => line.startsWith(`${name}:`))
          .map((line) => line.slice(name.length + 1).trimStart())
          .join('\n');
      if (fields.length > 0) yield { event: value('event'), data: value('data') };
    }
  }
}

/** The values of a subscription by `POST` with `Accept: text/event-stream`, until the server completes it. */
export async function* subscribeOverSse<Data>(
  endpoint: string,
  headers: Record<string, string>,
  operation: { query: string; variables: object },
): AsyncGenerator<Data, void> {
  const abort = new AbortController();
  try {
    const response = await fetch(endpoint, {
      method: 'POST',
      signal: abort.signal,
      headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...headers },
      body: JSON.stringify(operation),
    });
    const type = response.headers.get('content-type') ?? '';
    if (!type.startsWith('text/event-stream') || response.body === null) {
      const { errors } = (await response.json()) as { errors?: Fault[] };
      if (errors !== undefined) throw new Refused(errors);
      throw new Error(`no stream but ${response.status} ${type}`);
    }
    for await (const { event, data } of eventsOf(response.body)) {
      if (event === 'complete') return;
      if (event !== 'next') continue;
      const value = JSON.parse(data) as { data: Data; errors?: Fault[] };
      if (value.errors !== undefined) throw new Refused(value.errors);
      yield value.data;
    }
    throw new Error('the stream ended without being completed');
  } finally {
    abort.abort();
  }
}
