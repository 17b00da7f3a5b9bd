import type { Client } from './client.ts';

/** Every field of a task, as the contract has them. */
const TASK = `fragment T on Task {
  __typename id kind model queue status priority version input labels progress progressMessage queuePosition
  attempt maxAttempts gpuSeconds startAt deadline createdAt startedAt finishedAt updatedAt queuedMs runningMs
  attempts { number outcome startedAt endedAt gpuSeconds gpuNode { id name url } error { code message retryable attempt } }
  error { code message retryable attempt }
  gpuNode { id name url protocol }
  user { id username }
  events { version type status attempt at error { code } }
  result {
    __typename
    ... on ImageResult { seed images { ...A } }
    ... on CustomResult { value files { ...A } }
    ... on TranscriptResult { text language durationSeconds segments { startSeconds endSeconds text } }
  }
}
fragment A on Artifact { id url mimeType sizeBytes sha256 width height durationSeconds createdAt }`;

export const PROBLEM = `fragment P on Error {
  __typename code message
  ... on InvalidInputError { issues { path message } }
  ... on InvalidStateError { state: status }
  ... on NoSuchModelError { nearest }
  ... on QueueFullError { retryAfterMs }
  ... on RateLimitedError { retryAfterMs }
  ... on QuotaExceededError { limit }
  ... on IdempotencyConflictError { task { id } }
}`;

export interface ArtifactView {
  readonly id: string;
  readonly url: string;
  readonly mimeType: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly width: number | null;
  readonly height: number | null;
  readonly createdAt: string;
}

interface ErrorView {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  readonly attempt: number;
}

interface NodeView {
  readonly id: string;
  readonly name: string;
  readonly url: string | null;
}

export interface EventView {
  readonly version: number;
  readonly type: string;
  readonly status: string;
  readonly attempt: number;
  readonly at: string;
}

export interface TaskView {
  readonly __typename: 'Task';
  readonly id: string;
  readonly model: string;
  readonly queue: string;
  readonly status: string;
  readonly priority: string;
  readonly version: number;
  readonly input: Readonly<Record<string, unknown>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly progress: number | null;
  readonly queuePosition: number | null;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly attempts: readonly {
    readonly number: number;
    readonly outcome: string;
    readonly gpuNode: NodeView | null;
    readonly error: ErrorView | null;
  }[];
  readonly error: ErrorView | null;
  readonly gpuNode: NodeView | null;
  readonly gpuSeconds: number;
  readonly user: { readonly id: string; readonly username: string };
  readonly events: readonly EventView[];
  readonly startAt: string | null;
  readonly deadline: string | null;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly updatedAt: string;
  readonly queuedMs: number | null;
  readonly runningMs: number | null;
  readonly result: {
    readonly __typename: string;
    readonly images?: readonly ArtifactView[];
    readonly seed?: number | null;
    readonly value?: unknown;
    readonly files?: readonly ArtifactView[];
    readonly text?: string;
    readonly segments?: readonly { startSeconds: number; endSeconds: number; text: string }[];
  } | null;
}

/** What a caller can get wrong or must handle. */
export interface Problem {
  readonly __typename: string;
  readonly code?: string;
  readonly message?: string;
  readonly issues?: readonly { readonly path: string; readonly message: string }[];
  readonly state?: string;
  readonly nearest?: readonly string[];
  readonly retryAfterMs?: number;
  readonly limit?: number;
  readonly task?: { readonly id: string };
}

export type Outcome<Good> = Good | Problem;

export interface UserView {
  readonly __typename: 'User';
  readonly id: string;
  readonly username: string;
  readonly role: string;
  readonly tier: string;
  readonly disabled: boolean;
}

export interface AuthView {
  readonly __typename: 'AuthPayload';
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly expiresAt: string;
  readonly user: UserView;
}

export const USER = 'fragment U on User { __typename id username role tier disabled createdAt }';
const AUTH = `fragment S on AuthPayload { __typename accessToken refreshToken expiresAt user { ...U } } ${USER}`;

/** The member that is no problem; throws the problem otherwise. */
export function good<Good extends { __typename: string }>(
  outcome: Outcome<Good>,
  typename: Good['__typename'],
): Good {
  if (outcome.__typename !== typename) throw new Error(`${typename} expected: ${JSON.stringify(outcome)}`);
  return outcome as Good;
}

type AccountMutation = 'register' | 'login' | 'refreshToken' | 'changePassword';

export async function account(
  client: Client,
  field: AccountMutation,
  input: object,
): Promise<Outcome<AuthView>> {
  const type = `${field[0]?.toUpperCase()}${field.slice(1)}Input!`;
  const query = `mutation ($input: ${type}) { it: ${field}(input: $input) { ...S ...P } } ${AUTH} ${PROBLEM}`;
  return (await client.ask<{ it: Outcome<AuthView> }>(query, { input })).it;
}

export const SUBMIT = `mutation ($input: SubmitTaskInput!) { it: submitTask(input: $input) { ...T ...P } } ${TASK} ${PROBLEM}`;

export async function submit(client: Client, input: object): Promise<Outcome<TaskView>> {
  return (await client.ask<{ it: Outcome<TaskView> }>(SUBMIT, { input })).it;
}

/** A picture of that model, small. */
export function picture(model: string, image: object = {}): { task: object } {
  return { task: { textToImage: { prompt: 'a red fox', model, width: 64, height: 64, steps: 1, ...image } } };
}

export async function draw(client: Client, model: string, options: object = {}): Promise<TaskView> {
  return good<TaskView>(await submit(client, { ...picture(model), ...options }), 'Task');
}

/** Submits, and waits for the final task. */
export async function drawn(client: Client, model: string, options: object = {}): Promise<TaskView> {
  const task = await draw(client, model, { waitMs: 50_000, ...options });
  if (task.finishedAt === null) throw new Error(`not final: ${JSON.stringify(task)}`);
  return task;
}

export async function find(client: Client, id: string): Promise<TaskView | null> {
  const query = `query ($id: ID!) { it: task(id: $id) { ...T } } ${TASK}`;
  return (await client.ask<{ it: TaskView | null }>(query, { id })).it;
}

export async function load(client: Client, id: string): Promise<TaskView> {
  const task = await find(client, id);
  if (task === null) throw new Error(`no task ${id}`);
  return task;
}

export interface Canceled {
  readonly __typename: 'CancelTaskPayload';
  readonly outcome: string;
  readonly task: TaskView;
}

export async function cancel(client: Client, id: string): Promise<Outcome<Canceled>> {
  const query = `mutation ($id: ID!) {
    it: cancelTask(id: $id) { __typename ... on CancelTaskPayload { outcome task { ...T } } ...P }
  } ${TASK} ${PROBLEM}`;
  return (await client.ask<{ it: Outcome<Canceled> }>(query, { id })).it;
}

export async function retry(client: Client, id: string): Promise<Outcome<TaskView>> {
  const query = `mutation ($id: ID!) { it: retryTask(id: $id) { ...T ...P } } ${TASK} ${PROBLEM}`;
  return (await client.ask<{ it: Outcome<TaskView> }>(query, { id })).it;
}

export async function remove(
  client: Client,
  id: string,
): Promise<Outcome<{ __typename: 'DeleteTaskPayload'; id: string }>> {
  const query = `mutation ($id: ID!) {
    it: deleteTask(id: $id) { __typename ... on DeleteTaskPayload { id } ...P }
  } ${PROBLEM}`;
  type Removed = Outcome<{ __typename: 'DeleteTaskPayload'; id: string }>;
  return (await client.ask<{ it: Removed }>(query, { id })).it;
}

export const WATCH = `subscription ($id: ID!) { it: taskUpdated(id: $id) { ...T } } ${TASK}`;
export const EVENTS = `subscription ($id: ID!, $after: Int) {
  it: taskEvents(id: $id, after: $after) { version type status attempt at task { id version } }
}`;
export const WATCH_ALL = `subscription ($where: TaskWhere, $since: DateTime) {
  it: tasksUpdated(where: $where, since: $since) { ...T }
} ${TASK}`;

/** What its events are, in order. */
export function typesOf(task: TaskView): string[] {
  return task.events.map(({ type }) => type);
}

/** The time in so many milliseconds, as the API takes it. */
export function soon(ms: number): string {
  return new Date(Date.now() + ms).toISOString();
}
