import { z } from 'zod';
import type { NodeAnswer } from '../client.ts';
import type { Readiness } from '../protocol.ts';
import { isJson } from './answer.ts';
import { notReady } from './readiness.ts';
import { refusal } from './refusal.ts';

/** Servers that hold what they list; others list what they could load, too. */
const HOLDS_ALL = /^(vllm|sglang|llamacpp)/i;

const listed = z.object({
  id: z.string(),
  owned_by: z.string().nullish(),
  // llama.cpp's router.
  status: z.object({ value: z.string() }).nullish().catch(null),
});
const list = z.object({ data: z.array(listed.nullable().catch(null)) });

const running = z.object({
  models: z.array(z.union([z.string(), z.object({ name: z.string() }).transform(({ name }) => name)])),
});

const system = z.object({ loaded_models: z.array(z.object({ id: z.string() })) });

/** What `GET /v1/models` tells: whether it is ready, what it could load, and what it holds where that can be told. */
export function modelsIn(answer: NodeAnswer): Readiness {
  if (answer.status !== 200) return notReady(refusal(answer).message);
  const parsed = list.safeParse(answer.json());
  if (!parsed.success) return notReady('GET /v1/models answered no list');
  const known = parsed.data.data.filter((model) => model !== null);
  const isTold = known.some(({ status, owned_by }) => status != null || HOLDS_ALL.test(owned_by ?? ''));
  const loaded = known.filter(({ status }) => status == null || status.value === 'loaded');
  const models = known.map(({ id }) => id);
  return { ready: true, models, ...(isTold ? { loadedModels: loaded.map(({ id }) => id) } : {}) };
}

/** What `GET /api/ps` tells of speaches and Ollama: the models in memory. Undefined for servers without it. */
export function runningIn(answer: NodeAnswer): readonly string[] | undefined {
  return running.safeParse(saidIn(answer)).data?.models;
}

/** What `GET /system` tells of LocalAI: the models in memory. Undefined for any other server. */
export function localAiModelsIn(answer: NodeAnswer): readonly string[] | undefined {
  return system.safeParse(saidIn(answer)).data?.loaded_models.map(({ id }) => id);
}

/** What a page says as JSON; null where the server has no such page. */
export function saidIn(answer: NodeAnswer): unknown {
  return answer.status === 200 && isJson(answer) ? answer.json() : null;
}
