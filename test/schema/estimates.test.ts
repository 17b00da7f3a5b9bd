import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, type Api, answerOf, bearer, type Person, startApi } from '../http/support.ts';
import { joinWork, registerNode, type Work } from '../http/work.ts';

let api: Api;
let user: Person;
let work: Work;

beforeAll(async () => {
  api = await startApi();
  const { id } = await registerNode(api, 'node', 1);
  const measure = `INSERT INTO run_estimate (node_id, kind, model, samples, recent)
    VALUES ($1, 'TEXT_TO_IMAGE', 'qwen-image', 9, '{1}'), ($1, 'SPEECH_TO_TEXT', 'whisper', 9, '{2}')`;
  await api.services.database.pool.query(measure, [id]);
  user = await api.person();
  work = await joinWork(api);
});

afterAll(() => api[Symbol.asyncDispose]());

const fields = '{ startAt startAtP90 completionAt completionAtP90 }';
const query = `query ($input: SubmitTaskInput!) { estimateTask(input: $input) ${fields} }`;
/** A unit of work: a second. */
const picture = { textToImage: { prompt: 'a mill', width: 1000, height: 1000, steps: 10 } };
const estimate = (input: object): Promise<Answer> => api.send(query, { as: user, variables: { input } });

const rows = async (table: string): Promise<number> =>
  (await api.services.database.pool.query(`SELECT count(*)::int AS count FROM ${table}`)).rows[0].count;

describe('estimateTask', () => {
  it('tells when a task would start and end that is submitted now', async () => {
    const before = Date.now();
    const { data } = await estimate({ task: picture });
    const { startAt, completionAt } = data.estimateTask as unknown as Record<string, string>;
    expect(Date.parse(startAt ?? '')).toBeGreaterThanOrEqual(before - 1_000);
    expect(Date.parse(completionAt ?? '') - Date.parse(startAt ?? '')).toBe(10_000);
    expect(await rows('task')).toBe(0);
  });

  it('refuses what submitTask refuses', async () => {
    const wrong = await estimate({ task: { textToImage: { prompt: '', width: 8 } }, maxAttempts: 0 });
    expect(wrong.errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
    for (const path of ['task.textToImage.prompt', 'task.textToImage.width', 'maxAttempts']) {
      expect(wrong.errors[0]?.message).toContain(path);
    }
    const none = await estimate({ task: { textToImage: { prompt: 'a mill', model: 'qwen-imag' } } });
    expect(none.errors).toMatchObject([{ message: expect.stringContaining('"qwen-imag"') }]);
    expect(none.errors[0]?.extensions?.code).toBe('NO_SUCH_MODEL');
  });

  it('looks at an upload, and keeps nothing of it', async () => {
    const form = new FormData();
    const input = { task: { speechToText: { audio: { pcm: { data: null, sampleRate: 8_000 } } } } };
    form.set('operations', JSON.stringify({ query, variables: { input } }));
    form.set('map', JSON.stringify({ 0: ['variables.input.task.speechToText.audio.pcm.data'] }));
    form.set('0', new Blob([new Uint8Array(8_000 * 2 * 3)]));
    const response = await fetch(`${api.url}/graphql`, { method: 'POST', body: form, headers: bearer(user) });
    const { data } = await answerOf(response);
    const { startAt, completionAt } = data.estimateTask as unknown as Record<string, string>;
    expect(Date.parse(completionAt ?? '') - Date.parse(startAt ?? '')).toBe(6_000);
    expect([await rows('artifact'), await rows('task')]).toEqual([0, 0]);
  });
});

it('a task tells its estimate and why it waits', async () => {
  const submit = `mutation ($input: SubmitTaskInput!) { submitTask(input: $input) {
    ... on Task { id } ... on Error { message } } }`;
  const shown = `{ tasks(orderBy: OLDEST) { edges { node { status waitingReason preview { id } estimate ${fields} } } } }`;
  const tasks = async () => {
    const { data } = await api.send(shown, { as: user });
    return (data.tasks as unknown as { edges: { node: { status: string } }[] }).edges.map(({ node }) => node);
  };
  for (let n = 0; n < 2; n++) await api.send(submit, { as: user, variables: { input: { task: picture } } });
  await work.start();
  const instant = expect.stringMatching(/^\d{4}-.*Z$/);
  const whole = { startAt: instant, startAtP90: instant, completionAt: instant, completionAtP90: instant };
  await expect.poll(tasks).toEqual([
    { status: 'RUNNING', waitingReason: null, preview: null, estimate: whole },
    { status: 'QUEUED', waitingReason: 'ALL_SLOTS_BUSY', preview: null, estimate: whole },
  ]);
  await work.succeedAll();
});
