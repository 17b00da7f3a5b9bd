import { z } from 'zod';
import { conversationOf } from '../../../kinds/index.ts';
import type { NodeAnswer } from '../client.ts';
import type { Call, MadeByKind } from '../protocol.ts';
import { badAnswer } from '../support/answer.ts';
import { type JsonEvents, jsonEvents, looksLikeStream } from '../support/json-events.ts';
import { storablePiece, storableText } from '../support/text.ts';
import { api, faultOf, resultOf } from './answer.ts';

/** Each piece of a text comes in an envelope of several hundred bytes. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

const usage = z
  .object({
    prompt_tokens: z.number().int().nonnegative(),
    completion_tokens: z.number().int().nonnegative(),
  })
  .nullish()
  .catch(null);

const whole = z.object({
  choices: z.tuple([z.object({ message: z.object({ content: z.string().nullish() }) })]).rest(z.unknown()),
  usage,
});

const choice = z.object({
  delta: z.object({ content: z.string().nullish() }).nullish(),
  finish_reason: z.string().nullish(),
});
/** The one with the counts, which comes last, has no choices. */
const chunk = z.object({ choices: z.array(choice), usage });

/** In place of a chunk; vLLM's older versions say so without the envelope. */
const failure = z.union([
  z.object({ error: z.unknown().refine((error) => error != null && error !== '') }),
  z.looseObject({ object: z.literal('error') }).transform((error) => ({ error })),
]);
const withCode = z.object({ code: z.coerce.number().int().min(400).max(599) });

/** Only these count what is thought, too, and refuse the older name. */
const COUNTS_THOUGHTS = /^(o\d|gpt-[5-9])/;

/** `POST /v1/chat/completions`, as a stream where the server can. */
export async function textGeneration(call: Call<'TEXT_GENERATION'>): Promise<MadeByKind['TEXT_GENERATION']> {
  const { node, signal } = call;
  const stream = createStream((piece) => call.write(piece));
  const answer = await node.request({
    method: 'POST',
    path: api(node, '/chat/completions'),
    headers: { 'content-type': 'application/json', accept: 'text/event-stream, application/json' },
    body: JSON.stringify(bodyOf(call)),
    signal,
    maxBytes: MAX_ANSWER_BYTES,
    onData: stream.events.onData,
  });
  if (answer.status === 200 && looksLikeStream(answer)) return stream.end(answer);
  const { choices, usage: counts } = resultOf(answer, whole);
  return { text: storableText(choices[0].message.content ?? ''), ...tokensOf(counts) };
}

function bodyOf({ model, input }: Call<'TEXT_GENERATION'>) {
  const limit = COUNTS_THOUGHTS.test(model) ? 'max_completion_tokens' : 'max_tokens';
  return {
    model,
    messages: conversationOf(input).map(({ role, content }) => ({ role: role.toLowerCase(), content })),
    stream: true,
    stream_options: { include_usage: true },
    [limit]: input.maxTokens,
    temperature: input.temperature,
    seed: input.seed,
  };
}

interface Stream {
  readonly events: JsonEvents;
  /** What it came to. @throws NodeFault where it broke off, or says that it failed */
  end(answer: NodeAnswer): MadeByKind['TEXT_GENERATION'];
}

function createStream(write: (piece: string) => void): Stream {
  let text = '';
  let counts: z.infer<typeof usage>;
  let isFinished = false;
  const events = jsonEvents(({ name, data }) => {
    if (name === 'error' || failure.safeParse(data).success) throw failureOf(data);
    const parsed = chunk.safeParse(data);
    if (!parsed.success) throw badAnswer('has an event that is none of an OpenAI server');
    counts = parsed.data.usage ?? counts;
    const [first] = parsed.data.choices;
    if (first?.finish_reason) isFinished = true;
    const piece = storablePiece(first?.delta?.content ?? '');
    if (piece === '') return;
    text += piece;
    write(piece);
  });
  return {
    events,
    end(answer) {
      events.end(answer);
      // Some end a stream that fails as if all was well.
      if (!isFinished && !events.isDone) throw badAnswer('ended in the middle of the text');
      return { text: storableText(text), ...tokensOf(counts) };
    },
  };
}

/** As of an answer with the error's own code as its status. */
function failureOf(data: unknown) {
  const parsed = failure.safeParse(data);
  const error = parsed.success ? parsed.data.error : data;
  const status = withCode.safeParse(error).data?.code ?? 500;
  const bytes = Buffer.from(JSON.stringify({ error }));
  return faultOf({
    status,
    headers: {},
    bytes,
    text: () => bytes.toString(),
    json: () => ({ error }),
  });
}

function tokensOf(counts: z.infer<typeof usage>) {
  if (!counts) return {};
  return { promptTokens: counts.prompt_tokens, completionTokens: counts.completion_tokens };
}
