import { createHash } from 'node:crypto';
import type { Database } from '../database/index.ts';
import { encodeId } from '../ids.ts';
import type { KindInput, KindName } from '../kinds/index.ts';
import type { Submission } from '../tasks/index.ts';
import { imagesOf, pictureOf } from './parts.ts';
import { rewritingOf } from './prompt.ts';
import type { Generation } from './store.ts';
import type { Part } from './types.ts';

/** No attempt to rewrite a prompt starts later, and none lasts longer: after that the prompt stands as it is. */
const REWRITE_WITHIN_MS = 30_000;
const REWRITE_ATTEMPTS = 2;
const REWRITE_TOKENS = 512;
const REWRITE_TEMPERATURE = 0.7;
const ATTEMPTS = 3;

/** Another one for each picture, and the same whenever it is submitted again. */
function seedOf(taskId: string): number {
  return Number.parseInt(taskId.slice(-8), 16) >>> 1;
}

type Work = Pick<Submission, 'kind' | 'input' | 'artifactIds' | 'deadline' | 'timeoutMs' | 'maxAttempts'>;

function work<Kind extends KindName>(kind: Kind, input: KindInput<Kind>, more: Partial<Work> = {}): Work {
  return { artifactIds: [], deadline: null, timeoutMs: null, maxAttempts: ATTEMPTS, ...more, kind, input };
}

function workOf({ given, state, parts }: Generation, part: Part, now: Date): Work {
  switch (part.role) {
    case 'REWRITE': {
      const messages = [...rewritingOf(state.prompt)];
      const input = { messages, maxTokens: REWRITE_TOKENS, temperature: REWRITE_TEMPERATURE };
      const deadline = new Date(now.getTime() + REWRITE_WITHIN_MS);
      const bounds = { deadline, timeoutMs: REWRITE_WITHIN_MS, maxAttempts: REWRITE_ATTEMPTS };
      return work('TEXT_GENERATION', input, bounds);
    }
    case 'IMAGE': {
      const prompt = state.finalPrompt ?? state.prompt;
      return work('TEXT_TO_IMAGE', { prompt, seed: seedOf(part.taskId), count: 1 });
    }
    case 'MODEL': {
      const selected = imagesOf(parts)[state.selectedImage ?? -1];
      if (!selected) throw new Error('a model without a picture');
      const artifactId = pictureOf(selected);
      const format = given.format as KindInput<'IMAGE_TO_3D'>['format'];
      return work('IMAGE_TO_3D', { image: { artifactId }, format }, { artifactIds: [artifactId] });
    }
    default:
      return part.role satisfies never;
  }
}

/** The task of a part: the same one however often it is submitted. */
export function submissionOf(
  { clock }: Pick<Database, 'clock'>,
  generation: Generation,
  part: Part,
): Submission {
  const { id, userId } = generation.given;
  const { input, ...rest } = workOf(generation, part, clock.now());
  return {
    ...rest,
    ...{ taskId: part.taskId, userId, model: part.model, input },
    ...{ priority: 'NORMAL', startAt: null, idempotencyKey: null },
    labels: { generation: encodeId('Generation', id) },
    inputHash: createHash('sha256').update(JSON.stringify(input)).digest(),
  };
}
