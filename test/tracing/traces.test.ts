import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test, vi } from 'vitest';
import { createClient } from '../../sdk/src/index.ts';
import { adminKey, startTestApp } from '../support/app.ts';
import { post } from '../support/graphql.ts';
import { startOutsideNode } from '../support/outside-nodes.ts';
import { keepCompiled } from '../support/process.ts';
import { attributesOf, type SentSpan, startCollector } from './collector.ts';

const nodesVariable = (url: string): string =>
  JSON.stringify([
    { name: 'painter', url, protocol: 'openai', offers: [{ kind: 'TEXT_TO_IMAGE', models: ['fox'] }] },
  ]);

const DRAW = `mutation Draw { submitTask(input: { task: { textToImage: {
  prompt: "a red fox", width: 32, height: 32, model: "fox" } } }) { ... on Task { id } ... on Error { message } } }`;

/** The one span of that name. */
function only(spans: readonly SentSpan[], name: string): SentSpan {
  const [span, ...more] = spans.filter((one) => one.name === name);
  if (span === undefined || more.length > 0) throw new Error(`${name}: there is not exactly one`);
  return span;
}

test("a task is one trace, from its caller's own span over two processes to the node", {
  timeout: 60_000,
}, async () => {
  await using collector = await startCollector();
  await using node = await startOutsideNode('OPENAI');
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  let id = '';
  {
    const variables = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, GPU_NODES: nodesVariable(node.url) };
    await using app = await startTestApp(variables, 'api');
    await app.sibling('worker');
    const response = await fetch(`${app.url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${adminKey}`,
        traceparent: `00-${traceId}-b7ad6b7169203331-01`,
      },
      body: JSON.stringify({ query: DRAW }),
    });
    ({ id } = ((await response.json()) as { data: { submitTask: { id: string } } }).data.submitTask);
    const client = createClient({ url: app.url, token: adminKey });
    for await (const _ of client.watch(id, { signal: AbortSignal.timeout(30_000) }));
    client.close();
    // What is watched is final before the worker has heard that it is.
    await vi.waitFor(
      async () => {
        const { rows } = await app.services.database.pool.query('SELECT FROM slot WHERE task_id IS NOT NULL');
        expect(rows).toEqual([]);
      },
      { timeout: 10_000 },
    );
  }

  const spans = collector.spans.filter((span) => span.traceId === traceId);
  const [request, operation, submit] = ['POST /graphql', 'mutation Draw', 'submit task'].map((name) =>
    only(spans, name),
  );
  expect(request).toMatchObject({ parentSpanId: 'b7ad6b7169203331', kind: 2 });
  expect(request && attributesOf(request)).toMatchObject({ 'http.response.status_code': 200 });
  expect(operation?.parentSpanId).toBe(request?.spanId);
  expect(submit?.parentSpanId).toBe(operation?.spanId);
  const parts = ['claim task', 'call node', 'settle task'].map((name) => only(spans, name));
  for (const part of parts) expect([part.name, part.parentSpanId]).toEqual([part.name, submit?.spanId]);
  for (const part of [submit, parts[0], parts[2]]) {
    expect(part && attributesOf(part)['switchyard.task.id']).toBe(id);
  }
  const call = only(spans, 'call node');
  expect(attributesOf(call)).toMatchObject({ 'switchyard.node': 'painter', 'switchyard.protocol': 'OPENAI' });
  expect(node.calls[0]?.headers.traceparent).toBe(`00-${traceId}-${call.spanId}-01`);
  expect(spans).toHaveLength(6);
  expect([...collector.services]).toEqual(['switchyard']);
});

test('what fails is told with its failure', async () => {
  await using collector = await startCollector();
  {
    await using app = await startTestApp({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }, 'api');
    await expect(post(app.url, adminKey, DRAW)).resolves.toMatchObject({
      submitTask: { message: expect.any(String) },
    });
  }
  const submit = only(collector.spans, 'submit task');
  expect(submit.status.code).toBe(2);
  expect(attributesOf(submit)['error.type']).toBe('NoSuchModelError');
});

test('a collector that is not there holds up neither tasks nor the end', { timeout: 60_000 }, async () => {
  await using node = await startOutsideNode('OPENAI');
  const variables = {
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
    GPU_NODES: nodesVariable(node.url),
  };
  await using app = await startTestApp(variables);
  const client = createClient({ url: app.url, token: adminKey });
  const task = await client.submitAndWait(
    { task: { textToImage: { prompt: 'a fox', model: 'fox', width: 32, height: 32 } } },
    { signal: AbortSignal.timeout(30_000) },
  );
  expect(task.status).toBe('SUCCEEDED');
  client.close();
});

test('without an endpoint nothing is loaded for traces', async () => {
  const program = `
    import { createRequire } from 'node:module';
    import { openTracing } from './src/tracing/index.ts';
    import './src/app.ts';
    import './src/http/api.ts';
    const off = (await openTracing({ endpoint: null })) === null;
    const loaded = Object.keys(createRequire(import.meta.url).cache);
    console.log(JSON.stringify([off, loaded.some((file) => file.includes('@opentelemetry/sdk'))]));`;
  const args = [
    '--disable-warning=ExperimentalWarning',
    ...keepCompiled,
    '--input-type=module',
    '--eval',
    program,
  ];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  expect(JSON.parse(stdout)).toEqual([true, false]);
});
