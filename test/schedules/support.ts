import { afterAll, afterEach, beforeAll } from 'vitest';
import { decodeId } from '../../src/ids.ts';
import { type Api, type ApiOptions, type Json, type Person, startApi } from '../http/support.ts';
import { registerNode } from '../http/work.ts';

const create = `mutation ($input: CreateScheduleInput!) { createSchedule(input: $input) {
  __typename
  ... on Schedule { id name cron timeZone paused kind model input nextRuns(first: 3) createdAt }
  ... on Error { code message ... on InvalidInputError { issues { path message } } }
} }`;

const read = `query ($id: ID!) { node(id: $id) { ... on Schedule {
  paused nextRuns(first: 1)
  runs { at missedSince nextTryAt error { code message } task { id } }
  tasks { edges { node { id status input model priority labels } } pageInfo { hasNextPage endCursor } }
} } }`;

/** A picture of a fox each morning, unless said otherwise. */
export const fox = (changes: object = {}): object => ({
  ...{ name: 'fox', cron: '0 7 * * *', task: { task: { textToImage: { prompt: 'a fox' } } } },
  ...changes,
});

/** A time that does not come while tests run, whenever that is. */
const SELDOM = '0 0 29 2 *';

export interface Scheduling {
  readonly api: Api;
  create(person: Person, input: object): Promise<Json>;
  /** Creates it, and answers its id at the API; unless said otherwise, its own time does not come. */
  schedule(person: Person, input?: object): Promise<string>;
  read(person: Person, id: string): Promise<Json>;
  /** As if the time that the schedule waits for had been so long ago. */
  makeDue(id: string, ago?: string): Promise<void>;
  rowId(id: string): string;
}

/** One server without a worker for all tests of a file: schedules run when a test says so. */
export function useScheduling(options: ApiOptions = {}): () => Scheduling {
  let api: Api | undefined;
  beforeAll(async () => {
    api = await startApi(options);
    await registerNode(api, 'node', 100);
  });
  // Nothing of it is due in the next test.
  afterEach(() => api?.services.database.pool.query('DELETE FROM schedule'));
  afterAll(() => api?.[Symbol.asyncDispose]());

  const rowId = (id: string): string => decodeId('Schedule', id) ?? '';

  return () => {
    if (!api) throw new Error('the server is started before the first test');
    const { send, services } = api;
    const ask = async (query: string, as: Person, variables: object): Promise<Json> => {
      const { data, errors } = await send(query, { as, variables });
      if (errors.length > 0) throw new Error(JSON.stringify(errors));
      const [answer] = Object.values(data);
      return answer as Json;
    };
    return {
      api,
      rowId,
      create: (person, input) => ask(create, person, { input }),
      async schedule(person, input = {}) {
        const { __typename, id, message } = await ask(create, person, {
          input: fox({ cron: SELDOM, ...input }),
        });
        if (String(__typename) !== 'Schedule') throw new Error(String(message));
        return String(id);
      },
      read: (person, id) => ask(read, person, { id }),
      async makeDue(id, ago = '1 second') {
        const { pool } = services.database;
        await pool.query('UPDATE schedule SET next_at = now() - $2::interval WHERE id = $1', [
          rowId(id),
          ago,
        ]);
      },
    };
  };
}
