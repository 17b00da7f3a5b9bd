import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSimulator, type Simulator } from '../../simulator/index.ts';
import { adminKey, startTestApp, type TestApp } from '../support/app.ts';
import { type GraphiQL, openGraphiQL } from '../support/graphiql.ts';

const stack = new AsyncDisposableStack();
let painter: Simulator;
let app: TestApp;
let graphiql: GraphiQL;

beforeAll(async () => {
  painter = stack.use(await createSimulator({ protocol: 'QWEN_IMAGE_GGUF', side: 64 }));
  const offers = [{ kind: 'TEXT_TO_IMAGE', models: ['qwen-image'] }];
  const node = { name: 'painter', url: painter.url, protocol: 'qwen-image-gguf', offers };
  app = stack.use(await startTestApp({ GPU_NODES: JSON.stringify([node]) }));
  graphiql = stack.use(await openGraphiQL(app.url));
});

afterAll(() => stack.disposeAsync());

/** The result pane, once it shows what is awaited. */
async function shown(awaited: RegExp): Promise<string> {
  await expect.poll(() => graphiql.result(), { timeout: 15_000 }).toMatch(awaited);
  return graphiql.result();
}

test('an operation is refused without a token, and answered with one among the headers', async () => {
  await graphiql.run('{ tasks { edges { node { id } } } }');
  await shown(/UNAUTHENTICATED/);
  await graphiql.setHeaders({ Authorization: `Bearer ${adminKey}` });
  await graphiql.run('{ me { role } }');
  expect(await shown(/role/)).toBe('{ "data": { "me": { "role": "ADMIN" } } }');
});

test('a submitted task is watched over a WebSocket until it has succeeded', async () => {
  painter.set({ slots: 0 });
  await graphiql.run(`mutation {
    submitTask(input: { task: { textToImage: { prompt: "a lighthouse" } } }) { ... on Task { id } }
  }`);
  const [id] = /task_\w+/.exec(await shown(/task_/)) ?? [];
  await graphiql.run(`subscription {
    taskUpdated(id: "${id}") { status result { ... on ImageResult { images { width } } } }
  }`);
  expect(await shown(/RUNNING/)).toBe(
    '{ "data": { "taskUpdated": { "status": "RUNNING", "result": null } } }',
  );
  painter.set({ slots: 1 });
  expect(await shown(/SUCCEEDED/)).toContain('"images": [ { "width": 64 } ]');
  expect(graphiql.requested).toContain(`${app.url.replace('http', 'ws')}/graphql`);
});

test('an address that holds a query opens GraphiQL with it', async () => {
  await graphiql.page.goto(`${app.url}/graphql?query=${encodeURIComponent('{ shared: __typename }')}`);
  await expect
    .poll(() => graphiql.page.getByLabel('Operation Editor').innerText(), { timeout: 15_000 })
    .toContain('shared');
});

test('nothing was asked of any other host, and nothing went wrong in the page', () => {
  const hosts = graphiql.requested
    .filter((url) => !url.startsWith('blob:') && !url.startsWith('data:'))
    .map((url) => new URL(url).host);
  expect(new Set(hosts)).toEqual(new Set([new URL(app.url).host]));
  expect(graphiql.errors).toEqual([]);
});
