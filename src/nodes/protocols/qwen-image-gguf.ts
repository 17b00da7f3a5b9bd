import { z } from 'zod';
import type { Call, NodeProtocol } from './protocol.ts';
import { MAX_PICTURE_BYTES, oneByOne, picture } from './support/images.ts';
import { checkReadiness, notReady, READY } from './support/readiness.ts';
import { rawText, refusal } from './support/refusal.ts';

const DEFAULT_STEPS = 20;

const ping = z.object({ status: z.string() });

async function textToImage({ node, input, signal, progress }: Call<'TEXT_TO_IMAGE'>) {
  const body = JSON.stringify({
    prompt: input.prompt,
    negative_prompt: input.negativePrompt,
    num_inference_steps: input.steps ?? DEFAULT_STEPS,
  });
  const images = await oneByOne(input.count, progress, async () => {
    const answer = await node.request({
      method: 'POST',
      path: '/generate',
      headers: { 'content-type': 'application/json' },
      body,
      signal,
      maxBytes: MAX_PICTURE_BYTES,
    });
    if (answer.status !== 200) throw refusal(answer, rawText(answer));
    return picture(answer.bytes);
  });
  return { images };
}

/** Servers around a quantised Qwen-Image: one picture a call, in the raw; no seed, size, progress or cancel. */
export const qwenImageGguf: NodeProtocol<'QWEN_IMAGE_GGUF'> = {
  name: 'QWEN_IMAGE_GGUF',
  description: 'Servers around a quantised Qwen-Image that answer one picture a call',
  stop: 'none',
  run: { TEXT_TO_IMAGE: textToImage },
  ready: (node, signal) =>
    checkReadiness(signal, async () => {
      const answer = await node.request({ method: 'GET', path: '/ping', signal });
      if (answer.status !== 200) return notReady(`GET /ping answered ${answer.status}`);
      const body = ping.safeParse(answer.json());
      if (!body.success) return notReady('GET /ping answered no status');
      return body.data.status === 'ready' ? READY : notReady(`the node says "${body.data.status}"`);
    }),
};
