import { vi } from 'vitest';
import { newPart } from '../../src/generations/parts.ts';
import { newImages, updated } from '../../src/generations/step.ts';
import { insertGeneration } from '../../src/generations/store.ts';
import type { Outcome, State } from '../../src/generations/types.ts';
import { encodeId, newId } from '../../src/ids.ts';
import type { AttemptEnd, Claimed } from '../../src/tasks/index.ts';
import { type Api, type ApiOptions, type Json, type Person, startApi } from '../http/support.ts';
import { joinWork, pixel, type Work } from '../http/work.ts';

/** What an event of each type is read with, and what a generation is. */
export const GENERATION = `
  id prompt finalPrompt status phase version selectedImageIndex createdAt completedAt
  rewrite { status message task { id status } }
  images { index status task { id status } image { id mimeType } error { code message } }
  model { status progress task { id status } files { id mimeType } preview { id } error { code } }`;

export const EVENTS = `subscription ($id: ID!, $after: Int) { generationEvents(id: $id, after: $after) {
  __typename
  ... on GenerationEventBase { version at generation { id version } }
  ... on ImageGenerating { index prompt }
  ... on ImageCompleted { index image { id url } }
  ... on ImageFailed { index error { code message } }
  ... on GenerationUpdated { status phase message }
  ... on ModelProgress { progress }
  ... on ModelCompleted { files { id url } preview { id } }
  ... on ModelFailed { error { code message } }
} }`;

const UNION = `__typename ... on Generation { ${GENERATION} } ... on Error { code message }`;
const STATE = '... on InvalidStateError { state: status }';
const ISSUES = '... on InvalidInputError { issues { path message } }';

/** A server without workers of its own: a test decides what becomes of each task. */
export interface Studio extends AsyncDisposable {
  readonly api: Api;
  readonly work: Work;
  create(person: Person, input?: object): Promise<Json>;
  read(person: Person, id: string): Promise<Json>;
  select(person: Person, id: string, index: number): Promise<Json>;
  cancel(person: Person, id: string): Promise<Json>;
  /** A mutation by the id of something. */
  act(
    person: Person,
    name: 'retryTask' | 'cancelTask' | 'deleteTask' | 'deleteGeneration',
    id: string,
  ): Promise<Json>;
  /** From now on nothing but these kinds is done. */
  offer(kinds: readonly string[]): Promise<void>;
  /** Starts what waits. */
  start(): Promise<readonly Claimed[]>;
  succeed(claimed: Claimed): Promise<void>;
  fail(claimed: Claimed): Promise<void>;
  /** Resolves when the generation is so. */
  until(person: Person, id: string, expected: { status: string; phase?: string }): Promise<Json>;
  /** Follows generations, in the name of one process, until it is told to end. */
  follow(): () => Promise<void>;
}

const failure: AttemptEnd = {
  type: 'failed',
  outcome: 'FAILED',
  error: { code: 'NODE_REJECTED', message: 'no such thing', retryable: false, attempt: 1 },
  spendsAttempt: true,
  retryAfterMs: null,
};

const kinds = ['TEXT_TO_IMAGE', 'TEXT_GENERATION', 'IMAGE_TO_3D'] as const;

/** @param offered leaves some out: nobody does these */
export async function openStudio(
  offered: readonly string[] = kinds,
  options: ApiOptions = {},
): Promise<Studio> {
  const api = await startApi(options);
  const { services } = api;
  const offersOf = (names: readonly string[]) =>
    names.map((kind) => ({ kind, models: [`${kind.toLowerCase()}-model`] }));
  const { id } = await services.nodes.register({
    ...{ name: 'studio', url: 'http://127.0.0.1:9', protocol: 'JSON', slots: 50 },
    offers: offersOf(offered),
  });
  await services.database.prisma.gpuNode.update({ where: { id }, data: { healthy: true } });
  const work = await joinWork(api);
  const ends: (() => Promise<void>)[] = [];

  async function one(person: Person, query: string, variables: object): Promise<Json> {
    const { data, errors } = await api.send(query, { as: person, variables });
    if (errors.length > 0) throw new Error(JSON.stringify(errors));
    const [answer] = Object.values(data);
    if (answer === undefined) throw new Error('no answer');
    return answer;
  }

  const read = (person: Person, id: string): Promise<Json> =>
    one(person, `query ($id: ID!) { generation(id: $id) { ${GENERATION} } }`, { id });

  return {
    api,
    work,
    read,
    create: (person, input = {}) =>
      one(
        person,
        `mutation ($input: CreateGenerationInput!) { createGeneration(input: $input) { ${UNION} ${ISSUES} } }`,
        {
          input: { prompt: 'a mill', ...input },
        },
      ),
    select: (person, generationId, index) =>
      one(
        person,
        `mutation ($input: SelectImageInput!) { selectImage(input: $input) { ${UNION} ${STATE} ${ISSUES} } }`,
        {
          input: { generationId, index },
        },
      ),
    cancel: (person, id) =>
      one(person, `mutation ($id: ID!) { cancelGeneration(id: $id) { ${UNION} ${STATE} } }`, { id }),
    act: (person, name, id) =>
      one(person, `mutation ($id: ID!) { ${name}(id: $id) { __typename ... on Error { code message } } }`, {
        id,
      }),
    async offer(names) {
      await services.nodes.update(id, { offers: offersOf(names) });
    },
    start: () => work.start(),
    async succeed(claimed) {
      const { id } = await services.artifacts.save({ userId: claimed.userId, bytes: pixel });
      const results: Readonly<Record<string, object>> = {
        TEXT_GENERATION: { text: '"a mill, rewritten"' },
        TEXT_TO_IMAGE: { images: [id] },
        IMAGE_TO_3D: { files: [id], preview: id },
      };
      const result = results[claimed.kind];
      await work.finish(claimed, { type: 'succeeded', result, artifactIds: [id] });
    },
    fail: (claimed) => work.finish(claimed, failure),
    until: (person, id, expected) =>
      vi.waitUntil(
        async () => {
          const now = await read(person, id);
          const isSo = Object.entries(expected).every(([name, value]) => String(now[name]) === value);
          return isSo ? now : null;
        },
        { timeout: 10_000, interval: 20 },
      ) as Promise<Json>,
    follow() {
      const stopping = new AbortController();
      const following = services.generations.follow(stopping.signal);
      const end = async (): Promise<void> => {
        stopping.abort();
        await following;
      };
      ends.push(end);
      return end;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(ends.map((end) => end()));
      await api[Symbol.asyncDispose]();
    },
  };
}

/** The API id of the task that was claimed. */
export const taskIdOf = ({ lease }: Claimed): string => encodeId('Task', lease.taskId);

/** A generation as a process leaves it that is killed before it has submitted anything; answers its row's id. */
export async function abandoned({ api }: Studio, person: Person, isRewritten: boolean): Promise<string> {
  const state: State = {
    ...{ prompt: 'a mill', finalPrompt: isRewritten ? null : 'a mill', fallback: null, selectedImage: null },
    ...{ imageCount: 3, imageModel: 'text_to_image-model' },
    ...{ status: 'IMAGE_PENDING', phase: 'IMAGE_GENERATION' },
  };
  const parts = isRewritten
    ? [newPart('REWRITE', 0, 'text_generation-model', newId)]
    : newImages(state, newId);
  const outcome: Outcome = { state, parts, log: [updated(state)], follow: 'now' };
  const given = { id: newId(), userId: person.user.id, modelModel: null, format: 'GLB' };
  await api.services.database.lanes.transact((tx) =>
    insertGeneration(tx, given, { optimize: isRewritten, outcome }),
  );
  return given.id;
}
