import { z } from 'zod';
import type { NodeAnswer, NodeClient } from '../client.ts';
import type { Call, MadeByKind } from '../protocol.ts';
import { badAnswer } from '../support/answer.ts';
import { saidIn } from '../support/openai-models.ts';
import { errorText, rejected } from '../support/refusal.ts';
import { made, type Vector } from '../support/vectors.ts';
import { api, faultOf, resultOf } from './answer.ts';

const MAX_ANSWER_BYTES = 128 * 1024 * 1024;
/** What every server takes at once that does not tell. */
const STANDARD: Batching = { texts: 32, tokens: 16_384 };
const CHARACTERS_PER_TOKEN = 4;
const TOO_LARGE = 413;

/** How much goes into one request. */
interface Batching {
  readonly texts: number;
  readonly tokens: number;
}

/** What text-embeddings-inference tells of itself, and nobody else. */
const teiInfo = z.object({
  model_id: z.string(),
  max_client_batch_size: z.number().int().positive(),
  max_batch_tokens: z.number().int().positive(),
});
export type TeiInfo = z.infer<typeof teiInfo>;

const numbers = z.array(z.number()).min(1);
/** Some answer base64 whether or not they were asked for numbers. */
const embedded = z.union([numbers, z.string().min(1).transform(floats)]);
const list = z.object({ data: z.array(z.object({ index: z.number().int(), embedding: embedded })) });
const bare = z.array(numbers);

function floats(base64: string): number[] {
  const bytes = Buffer.from(base64, 'base64');
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, index) => bytes.readFloatLE(index * 4));
}

/** What `GET /info` tells of text-embeddings-inference; undefined for any other server. */
export function teiInfoIn(answer: NodeAnswer): TeiInfo | undefined {
  return teiInfo.safeParse(saidIn(answer)).data;
}

/** `POST /v1/embeddings`, or `/embed` of text-embeddings-inference, in as many requests as the server wants it. */
export async function embedding(call: Call<'EMBEDDING'>): Promise<MadeByKind['EMBEDDING']> {
  const { node, signal, progress } = call;
  const { texts } = call.input;
  const info = teiInfoIn(await node.request({ method: 'GET', path: '/info', signal }));
  const batching = info ? { texts: info.max_client_batch_size, tokens: info.max_batch_tokens } : STANDARD;
  const vectors: Vector[] = [];
  for (let size = Number.POSITIVE_INFINITY; vectors.length < texts.length; ) {
    const batch = nextBatch(texts.slice(vectors.length), {
      ...batching,
      texts: Math.min(size, batching.texts),
    });
    const answer = await (info ? embed(call, batch) : embeddings(call, batch));
    if (answer.status === TOO_LARGE && batch.length > 1) {
      size = Math.floor(batch.length / 2);
      continue;
    }
    if (answer.status === TOO_LARGE) throw rejected(`texts.${vectors.length}: ${errorText(answer)}`);
    vectors.push(...vectorsIn(answer, batch.length));
    progress(vectors.length / texts.length, `${vectors.length} of ${texts.length} texts`);
  }
  return made(vectors);
}

/** As many of the texts, in their order, as go into one request: at least one. */
function nextBatch(texts: readonly string[], { texts: most, tokens }: Batching): readonly string[] {
  let left = tokens;
  const end = texts.findIndex((text, index) => {
    left -= Math.ceil(text.length / CHARACTERS_PER_TOKEN);
    return index === most || (left < 0 && index > 0);
  });
  return end === -1 ? texts : texts.slice(0, end);
}

type Ask = Pick<Call<'EMBEDDING'>, 'node' | 'model' | 'signal'>;

function embed({ node, signal }: Ask, inputs: readonly string[]): Promise<NodeAnswer> {
  return post(node, '/embed', { inputs, truncate: false }, signal);
}

function embeddings({ node, model, signal }: Ask, input: readonly string[]): Promise<NodeAnswer> {
  return post(node, api(node, '/embeddings'), { model, input, encoding_format: 'float' }, signal);
}

function post(node: NodeClient, path: string, body: object, signal: AbortSignal): Promise<NodeAnswer> {
  return node.request({
    method: 'POST',
    path,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal,
    maxBytes: MAX_ANSWER_BYTES,
  });
}

function vectorsIn(answer: NodeAnswer, count: number): Vector[] {
  if (answer.status !== 200) throw faultOf(answer);
  const plain = bare.safeParse(answer.json());
  if (plain.success) return counted(plain.data, count);
  const { data } = resultOf(answer, list);
  const inOrder = data.toSorted((a, b) => a.index - b.index);
  return counted(
    inOrder.map(({ embedding: vector }) => vector),
    count,
  );
}

function counted(vectors: Vector[], count: number): Vector[] {
  if (vectors.length === count) return vectors;
  throw badAnswer(`has ${vectors.length} vectors where ${count} were due`);
}
