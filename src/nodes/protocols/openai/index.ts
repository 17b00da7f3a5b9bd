import { z } from 'zod';
import type { NodeAnswer, NodeClient } from '../client.ts';
import type { NodeProtocol, Readiness } from '../protocol.ts';
import { isJson } from '../support/answer.ts';
import { localAiModelsIn, modelsIn, runningIn } from '../support/openai-models.ts';
import { checkReadiness, notReady, READY } from '../support/readiness.ts';
import { errorText } from '../support/refusal.ts';
import { api } from './answer.ts';
import { textGeneration } from './chat.ts';
import { embedding, teiInfoIn } from './embeddings.ts';
import { imageToImage, textToImage } from './images.ts';
import { speechToText } from './speech.ts';

const UNWELL = /^(starting|loading|initiali[sz]ing|unhealthy|unavailable|error|failed|not.?ready)/i;
const unwell = z.object({ status: z.string().regex(UNWELL) });

/**
 * The list of models, or what text-embeddings-inference says in its place, and `/health`, `/readyz`, `/api/ps` and
 * `/system` where the server has them.
 */
async function ready(node: NodeClient, signal: AbortSignal): Promise<Readiness> {
  const get = (path: string) => node.request({ method: 'GET', path, signal });
  const checks = ['/health', '/readyz'].map(async (path) => healthOf(path, await get(path)));
  const [models, running, localAi, ...own] = await Promise.all([
    Promise.all([get(api(node, '/models')), get('/info')]).then(modelsOf),
    get('/api/ps').then(runningIn),
    get('/system').then(localAiModelsIn),
    ...checks,
  ]);
  const unready = own.find((readiness) => !readiness.ready);
  if (unready || !models.ready) return unready ?? models;
  const loadedModels = running ?? localAi;
  return { ...models, ...(loadedModels ? { loadedModels } : {}) };
}

function modelsOf([models, info]: readonly [NodeAnswer, NodeAnswer]): Readiness {
  const tei = teiInfoIn(info);
  return tei ? { ready: true, models: [tei.model_id], loadedModels: [tei.model_id] } : modelsIn(models);
}

function healthOf(path: string, answer: NodeAnswer): Readiness {
  if (answer.status >= 500) return notReady(errorText(answer) || `GET ${path} answered ${answer.status}`);
  // Neither a server without this page (404 and the like) nor an empty or plain body says anything against it.
  if (answer.status !== 200 || !isJson(answer)) return READY;
  const body = unwell.safeParse(answer.json());
  return body.success ? notReady(`the node says "${body.data.status}"`) : READY;
}

/**
 * Servers with OpenAI's API: vLLM, vLLM-Omni, SGLang, LocalAI, sd-server, llama.cpp, Ollama, speaches,
 * text-embeddings-inference and OpenAI itself. Those that can stop do so when the connection closes.
 */
export const openai: NodeProtocol<'OPENAI'> = {
  name: 'OPENAI',
  description: 'Servers with the API of OpenAI: vLLM, llama.cpp, sd-server, LocalAI, speaches …',
  stop: 'disconnect',
  run: {
    TEXT_TO_IMAGE: textToImage,
    SPEECH_TO_TEXT: speechToText,
    TEXT_GENERATION: textGeneration,
    EMBEDDING: embedding,
    IMAGE_TO_IMAGE: imageToImage,
  },
  ready: (node, signal) => checkReadiness(signal, () => ready(node, signal)),
};
