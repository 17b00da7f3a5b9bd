import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeId } from '../../src/ids.ts';
import { type Api, type Person, startApi } from '../http/support.ts';
import { joinWork, registerNode, type Work } from '../http/work.ts';
import { fewestStatements } from '../support/statements.ts';

let api: Api;
let work: Work;

beforeAll(async () => {
  api = await startApi();
  await registerNode(api, 'first', 60);
  await registerNode(api, 'second', 60);
  work = await joinWork(api);
});

afterAll(() => api[Symbol.asyncDispose]());

async function personWithTasks(count: number): Promise<Person> {
  const person = await api.person('OPERATOR', 'VIP');
  const submit =
    'mutation { submitTask(input: { task: { textToImage: { prompt: "a mill" } } }) { __typename } }';
  await Promise.all(Array.from({ length: count }, () => api.send(submit, { as: person })));
  return person;
}

const everything = `query ($id: ID!) {
  tasks(first: 100, where: { userId: $id }) { edges { node {
    id kind model queue status priority version input labels progress attempt queuePosition waitingReason
    estimate { startAt completionAtP90 } preview { id url }
    user { username }
    gpuNode { id name status busySlots speed }
    attempts { number outcome gpuSeconds error { code } gpuNode { name slots busySlots } }
    error { message }
    result { ... on ImageResult { seed images { id url sha256 width } } ... on TranscriptResult { text } }
    events { version type task { id } }
  } } }
}`;

/** How many statements the page takes, and how many tasks are on it. */
async function measure(person: Person): Promise<{ tasks: number; statements: number }> {
  const variables = { id: encodeId('User', person.user.id) };
  let tasks = 0;
  const statements = await fewestStatements(async () => {
    const { data, errors } = await api.send(everything, { as: person, variables });
    expect(errors).toEqual([]);
    tasks = Object.keys(data.tasks?.edges ?? {}).length;
  });
  return { tasks, statements };
}

describe('a page of tasks', () => {
  it('takes the same number of statements for one task and for a hundred', async () => {
    const [one, hundred] = [await personWithTasks(1), await personWithTasks(100)];
    await work.succeedAll();
    const few = await measure(one);
    const many = await measure(hundred);
    expect([few.tasks, many.tasks]).toEqual([1, 100]);
    expect(many.statements).toBe(few.statements);
    expect(many.statements).toBeLessThan(20);
  });

  it('and so it does for tasks that wait', async () => {
    const [one, hundred] = [await personWithTasks(1), await personWithTasks(100)];
    const few = await measure(one);
    const many = await measure(hundred);
    expect([few.tasks, many.tasks]).toEqual([1, 100]);
    expect(many.statements).toBe(few.statements);
  });
});
