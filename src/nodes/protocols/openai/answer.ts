import { z } from 'zod';
import type { NodeAnswer, NodeClient } from '../client.ts';
import type { NodeFault } from '../fault.ts';
import { badAnswer } from '../support/answer.ts';
import { errorText, failed, rawText, refusal, rejected } from '../support/refusal.ts';

const errorInside = z.object({ error: z.union([z.string().min(1), z.object({ message: z.string() })]) });

/** llama.cpp, sd-server and LocalAI answer 500 to what the caller got wrong, too. */
const CALLERS_MISTAKE =
  /\b(parse error|too (long|large)|exceeds? the|(is|are) not supported|unsupported|invalid (input|type|value|base64|image|audio|file|size|format|prompt|parameter|request))\b/i;
/** Some servers, and proxies, answer 500 over a code that tells better. */
const MISTAKEN_CODE = /"code"\s*:\s*4(00|13|15|22)\b/;
/** Whatever else such a text says, the machine is at fault. */
const MACHINE = /\b(cuda|hip|rocm|vulkan|metal|ggml|gpu|device|memory|alloc\w*|rpc|backend)\b/i;

/** Users' URLs often end in `/v1`, as OpenAI's clients want them. */
export function api(node: NodeClient, path: string): string {
  return /\/v1\/*$/.test(node.url.pathname) ? path : `/v1${path}`;
}

/** Whose fault an answer is that is no result. */
export function faultOf(answer: NodeAnswer): NodeFault {
  const text = errorText(answer);
  const isMistake =
    (CALLERS_MISTAKE.test(text) && !MACHINE.test(text)) || MISTAKEN_CODE.test(rawText(answer));
  return answer.status === 500 && isMistake ? rejected(text) : refusal(answer);
}

/** The JSON of a good answer; an `error` inside a 200 is one all the same. */
export function resultOf<T>(answer: NodeAnswer, shape: z.ZodType<T>): T {
  if (answer.status !== 200) throw faultOf(answer);
  const body = answer.json();
  if (errorInside.safeParse(body).success) throw failed(errorText(answer));
  const parsed = shape.safeParse(body);
  if (parsed.success) return parsed.data;
  throw badAnswer('is none of an OpenAI server');
}
