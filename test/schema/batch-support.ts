import { expect } from 'vitest';
import { type Api, type Json, type Person, startApi } from '../http/support.ts';
import { joinWork, registerNode, type Work } from '../http/work.ts';

const SUBMIT = `mutation ($input: SubmitTasksInput!) {
  submitTasks(input: $input) {
    __typename
    ... on Batch {
      id total queued scheduled blocked running succeeded failed canceled createdAt finishedAt
      tasks(first: 100) { edges { node { id ref status input waitingReason dependsOn { ref } } } }
    }
    ... on Error { message }
    ... on InvalidInputError { issues { path message } }
    ... on IdempotencyConflictError { task { id } }
  }
}`;

/** Of a task by itself. */
export const SUBMIT_ONE = `mutation ($input: SubmitTaskInput!) {
  submitTask(input: $input) {
    __typename
    ... on Task { id status dependsOn { id } batch { id } ref input }
    ... on Error { message }
    ... on InvalidInputError { issues { path message } }
  }
}`;

export const picture = (prompt = 'a lighthouse') => ({ textToImage: { prompt } });

export interface Given {
  readonly ref?: string;
  readonly dependsOnRefs?: readonly string[];
  readonly input?: object;
}
const member = ({ input = {}, ...given }: Given) => ({ ...given, input: { task: picture(), ...input } });

export const nodesOf = (batch: Json): readonly Json[] =>
  ((batch.tasks?.edges ?? []) as unknown as { node: Json }[]).map(({ node }) => node);

/** An API with nodes that draw, write and change pictures, none of which is there. */
export interface Batches {
  readonly api: Api;
  readonly owner: Person;
  readonly other: Person;
  readonly work: Work;
  /** Submits them as one batch; `more` is what its input has besides. */
  submit(tasks: readonly Given[], more?: object, as?: Person): Promise<Json>;
  /** What is wrong with such a batch. */
  issuesOf(tasks: readonly Given[], more?: object): Promise<{ path: string; message: string }[]>;
}

export async function openBatches(): Promise<Batches> {
  const api = await startApi();
  await registerNode(api);
  const texts = await api.services.nodes.register({
    name: 'writer',
    url: 'http://127.0.0.1:9',
    protocol: 'OPENAI',
    slots: 4,
    offers: [
      { kind: 'TEXT_GENERATION', models: ['words'] },
      { kind: 'IMAGE_TO_IMAGE', models: ['brush'] },
      { kind: 'EMBEDDING', models: ['place'] },
    ],
  });
  await api.services.database.prisma.gpuNode.update({ where: { id: texts.id }, data: { healthy: true } });
  const [owner, other] = await Promise.all([api.person('USER', 'VIP'), api.person()]);
  const work = await joinWork(api);

  async function submit(tasks: readonly Given[], more: object = {}, as = owner): Promise<Json> {
    const { data, errors } = await api.send(SUBMIT, {
      as,
      variables: { input: { tasks: tasks.map(member), ...more } },
    });
    expect(errors).toEqual([]);
    return data.submitTasks as Json;
  }

  const issuesOf = async (tasks: readonly Given[], more: object = {}) =>
    (await submit(tasks, more)).issues as unknown as { path: string; message: string }[];

  return { api, owner, other, work, submit, issuesOf };
}
