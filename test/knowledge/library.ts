import { vi } from 'vitest';
import { createSimulator, type Simulator, type SimulatorOptions } from '../../simulator/index.ts';
import type { Role } from '../../src/config.ts';
import { type Answer, answerOf, type Json } from '../http/support.ts';
import { startTestApp, type TestApp } from '../support/app.ts';

/** Somebody who uses the API from outside. */
export interface Reader {
  readonly userId: string;
  send(query: string, variables?: object): Promise<Answer>;
  /** As {@link send}, and throws where the answer has errors. */
  ask(query: string, variables?: object): Promise<Json>;
  /** Makes a knowledge base, and answers its id. */
  base(name?: string): Promise<string>;
  /** Submits a file as an upload, and answers the task. */
  add(knowledgeBaseId: string, file: Sent, options?: object): Promise<Json>;
  /** The task, once it is final; within a minute. */
  ended(taskId: string): Promise<Json>;
  /** Submits, and waits for the end. */
  index(knowledgeBaseId: string, file: Sent, options?: object): Promise<Json>;
  documents(knowledgeBaseId: string, status?: readonly string[]): Promise<readonly Json[]>;
  /** What a search finds, the best first. */
  search(knowledgeBaseId: string, query: string, first?: number): Promise<readonly Json[]>;
}

export interface Sent {
  readonly name: string;
  readonly bytes: Uint8Array | string;
  readonly type?: string;
}

export interface Library extends AsyncDisposable {
  readonly app: TestApp;
  readonly nodes: readonly Simulator[];
  reader(tier?: 'FREE' | 'PRO' | 'VIP', role?: 'USER' | 'OPERATOR'): Promise<Reader>;
}

export type { Json } from '../http/support.ts';

/** How many texts the nodes were asked to embed, whatever became of it. */
export function textsSent(nodes: readonly Simulator[]): number {
  return nodes.flatMap(({ history }) => history.flatMap(({ input }) => input.input)).length;
}

/** The next call that comes to one of the nodes, once it has begun: it keeps the latency that it has by then. */
export async function nextAtWork(nodes: readonly Simulator[]): Promise<void> {
  const call = await Promise.race(nodes.map((node) => node.received(node.history.length + 1)));
  await vi.waitUntil(() => call.startedAt !== null, { timeout: 10_000, interval: 5 });
}

const MODEL = 'words-128';

const FIELDS = `id status attempt progress progressMessage model labels input gpuNode { name }
  error { code message retryable attempt }
  result { ... on DocumentResult { document { id name status chunkCount mimeType sizeBytes } } }`;

const SUBMIT = `mutation ($input: SubmitTaskInput!) { submitTask(input: $input) {
  __typename ... on Task { ${FIELDS} } ... on Error { message } ... on InvalidInputError { issues { path message } } } }`;
const FIND = `query ($id: ID!) { task(id: $id) { ${FIELDS} } }`;
const CREATE = `mutation ($input: CreateKnowledgeBaseInput!) {
  createKnowledgeBase(input: $input) { __typename ... on KnowledgeBase { id } ... on Error { message } } }`;
const DOCUMENTS = `query ($id: ID!, $where: DocumentWhere) { knowledgeBase(id: $id) {
  documents(where: $where) { edges { node { id name status mimeType sizeBytes chunkCount error { code message } task { id status } } } } } }`;
const SEARCH = `query ($id: ID!, $query: String!, $first: Int) { knowledgeBase(id: $id) {
  search(query: $query, first: $first) { text score startOffset endOffset document { id name } } } }`;

/** Nodes that embed, and a whole Switchyard that knows them. */
export async function openLibrary(
  nodes: readonly Partial<SimulatorOptions>[] = [{}, {}],
  variables: Record<string, string> = {},
  role: Role = 'all',
): Promise<Library> {
  const simulators = await Promise.all(
    nodes.map((options) => createSimulator({ protocol: 'OPENAI', slots: 2, ...options })),
  );
  const entries = simulators.map(({ url, settings }, n) => ({
    ...{ name: `embedder-${n + 1}`, url, protocol: 'openai', slots: settings.slots },
    offers: [{ kind: 'EMBEDDING', models: [MODEL] }],
  }));
  const app = await startTestApp({ GPU_NODES: JSON.stringify(entries), ...variables }, role);
  let people = 0;
  return {
    app,
    nodes: simulators,
    async reader(tier = 'VIP', role = 'USER') {
      const username = `reader-${++people}`;
      const user = await app.services.accounts.createUser({ username, password: null, role, tier });
      const key = await app.services.accounts.createApiKey(user.id, { name: 'test', expiresAt: null });
      return createReader(app.url, { userId: user.id, key: key.secret });
    },
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]();
      await Promise.all(simulators.map((simulator) => simulator.close()));
    },
  };
}

function createReader(url: string, { userId, key }: { userId: string; key: string }): Reader {
  const headers = { authorization: `Bearer ${key}` };

  async function send(query: string, variables: object = {}): Promise<Answer> {
    const body = JSON.stringify({ query, variables });
    return answerOf(
      await fetch(`${url}/graphql`, {
        ...{ method: 'POST', body },
        headers: { ...headers, 'content-type': 'application/json' },
      }),
    );
  }

  async function ask(query: string, variables?: object): Promise<Json> {
    const { data, errors } = await send(query, variables);
    if (errors.length > 0) throw new Error(JSON.stringify(errors));
    return data;
  }

  async function upload(query: string, input: object, path: string, file: Sent): Promise<Json> {
    const form = new FormData();
    form.set('operations', JSON.stringify({ query, variables: { input } }));
    form.set('map', JSON.stringify({ 0: [`variables.${path}`] }));
    const bytes = typeof file.bytes === 'string' ? Buffer.from(file.bytes) : file.bytes;
    const blob = new Blob([new Uint8Array(bytes)], { type: file.type ?? 'application/octet-stream' });
    form.set('0', blob, file.name);
    const { data, errors } = await answerOf(
      await fetch(`${url}/graphql`, { method: 'POST', headers, body: form }),
    );
    if (errors.length > 0) throw new Error(JSON.stringify(errors));
    return data;
  }

  async function add(
    knowledgeBaseId: string,
    file: Sent,
    { document = {}, ...more }: { document?: object } = {},
  ) {
    const input = { ...more, task: { document: { knowledgeBaseId, file: { upload: null }, ...document } } };
    const data = await upload(SUBMIT, input, 'input.task.document.file.upload', file);
    if (data.submitTask === undefined) throw new Error('nothing was submitted');
    return data.submitTask;
  }

  const WAIT = `subscription ($id: ID!) { taskUpdated(id: $id) { status } }`;

  async function ended(taskId: string): Promise<Json> {
    // The stream ends with the task.
    const response = await fetch(`${url}/graphql`, {
      ...{ method: 'POST', body: JSON.stringify({ query: WAIT, variables: { id: taskId } }) },
      headers: { ...headers, 'content-type': 'application/json', accept: 'text/event-stream' },
      signal: AbortSignal.timeout(60_000),
    });
    await response.text();
    const { task } = await ask(FIND, { id: taskId });
    if (!task) throw new Error('the task is gone');
    return task;
  }

  return {
    ...{ userId, send, ask, add, ended },
    async base(name = 'library') {
      const { createKnowledgeBase } = await ask(CREATE, { input: { name } });
      return String(createKnowledgeBase?.id);
    },
    async index(knowledgeBaseId, file, options = {}) {
      const task = await add(knowledgeBaseId, file, options);
      if (task.id === undefined) throw new Error(JSON.stringify(task));
      return ended(String(task.id));
    },
    async documents(id, status) {
      const { knowledgeBase } = await ask(DOCUMENTS, { id, where: status ? { status } : null });
      return Object.values(knowledgeBase?.documents?.edges ?? {}).flatMap(({ node }) => node ?? []);
    },
    async search(id, query, first = 10) {
      const { knowledgeBase } = await ask(SEARCH, { id, query, first });
      return Object.values(knowledgeBase?.search ?? {});
    },
  };
}
