import { embed } from '../embedder.ts';
import { countTokens, writeText } from '../writer.ts';
import { type Answer, fields, integer, json, type Request, text, type Work } from './protocol.ts';

const MODEL = 'simulated';
/** Of text-embeddings-inference, in characters. */
const MAX_INPUT = 8_192;

interface Message {
  readonly role: string;
  readonly content: string;
}

function isMessage(value: unknown): value is Message {
  const { role, content } = Object(value);
  return typeof content === 'string' && ['system', 'user', 'assistant'].includes(role);
}

/** `POST /v1/chat/completions`: as llama.cpp streams, a piece at a time. */
export async function chat(request: Request): Promise<Work | Answer> {
  const input = fields(request);
  const messages = Array.isArray(input.messages) ? input.messages : [];
  if (messages.length === 0 || !messages.every(isMessage)) return wrong('messages: must be a conversation');
  const prompt = messages.map(({ content }) => content).join('\n');
  const limit = input.max_tokens ?? input.max_completion_tokens;
  const maxTokens = typeof limit === 'number' ? { maxTokens: limit } : {};
  const pieces = writeText({
    prompt: messages.at(-1)?.content ?? '',
    seed: integer(input.seed, 0),
    ...maxTokens,
  });
  const usage = { prompt_tokens: countTokens(prompt), completion_tokens: pieces.length };
  const work = { input, units: pieces.length, steps: pieces.length };
  if (input.stream !== true) {
    const message = { role: 'assistant', content: pieces.join('') };
    const choices = [{ index: 0, message, finish_reason: 'stop' }];
    return {
      ...work,
      make: async () => json(200, { object: 'chat.completion', model: MODEL, choices, usage }),
    };
  }
  const [first, ...chunks] = [
    chunkOf({ role: 'assistant', content: null }),
    ...pieces.map((content) => chunkOf({ content })),
  ];
  let told = 0;
  const withUsage = Object(input.stream_options).include_usage === true;
  const end = [
    chunkOf({}, 'stop'),
    ...(withUsage ? [event({ object: 'chat.completion.chunk', model: MODEL, choices: [], usage })] : []),
    'data: [DONE]\n\n',
  ];
  return {
    ...work,
    told() {
      told += 1;
      return stream((told === 1 ? first : '') + (chunks[told - 1] ?? ''));
    },
    // Whatever was not told before.
    make: async () => stream([...(told === 0 ? [first] : []), ...chunks.slice(told), ...end].join('')),
  };
}

function event(data: object): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}

function chunkOf(delta: object, reason: string | null = null): string {
  const choices = [{ index: 0, delta, finish_reason: reason }];
  return event({ object: 'chat.completion.chunk', model: MODEL, choices });
}

function stream(body: string): Answer {
  return text(200, body, 'text/event-stream');
}

/** `POST /v1/embeddings` */
export async function embeddings(request: Request): Promise<Work | Answer> {
  const input = fields(request);
  const texts = [input.input].flat();
  if (texts.length === 0 || !texts.every((one) => typeof one === 'string'))
    return wrong('input: must be texts');
  return {
    // The first ones say enough of what was asked for.
    input: { ...input, count: texts.length },
    units: texts.reduce((sum, one) => sum + countTokens(one), 0),
    make: async () => {
      const data = texts.map((one, index) => ({ object: 'embedding', index, embedding: embed(one) }));
      return json(200, { object: 'list', data: data.toReversed(), model: MODEL });
    },
  };
}

/** `POST /embed` of text-embeddings-inference, whose errors have a shape of their own. */
export async function teiEmbed(request: Request, most: number): Promise<Work | Answer> {
  const input = fields(request);
  const texts = [input.inputs].flat();
  if (!texts.every((one) => typeof one === 'string'))
    return teiError(422, 'inputs: must be texts', 'Tokenizer');
  if (texts.length === 0) return teiError(400, '`inputs` cannot be empty', 'Empty');
  if (texts.length > most) {
    const message = `batch size ${texts.length} > maximum allowed batch size ${most}`;
    return teiError(413, message, 'Validation');
  }
  const long = texts.find((one) => one.length > MAX_INPUT);
  if (long !== undefined) {
    const message = `\`inputs\` must have less than ${MAX_INPUT} tokens. Given: ${long.length}`;
    return teiError(413, message, 'Validation');
  }
  return {
    input: { ...input, count: texts.length },
    units: texts.reduce((sum, one) => sum + countTokens(one), 0),
    make: async () => json(200, texts.map(embed)),
  };
}

/** What text-embeddings-inference tells of itself. */
export function teiInfo(most: number): Answer {
  return json(200, {
    model_id: MODEL,
    model_type: { embedding: { pooling: 'cls' } },
    max_concurrent_requests: 512,
    max_input_length: MAX_INPUT,
    max_batch_tokens: 16_384,
    max_client_batch_size: most,
    auto_truncate: false,
  });
}

function teiError(status: number, error: string, type: string): Answer {
  return json(status, { error, error_type: type });
}

/** What OpenAI's API says of a request that it can't make sense of. */
export function wrong(message: string): Answer {
  return json(400, { error: { message, type: 'invalid_request_error', param: null, code: null } });
}
