import { describe, expect, it } from 'vitest';
import { createSimulator } from '../../../simulator/index.ts';
import { protocols } from '../../../src/nodes/protocols/index.ts';
import { clientOf, faultOf, perform, type Report } from './calls.ts';
import { nodeAnswering, startNode } from './node.ts';

const protocol = protocols.COG;
const png =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

async function outputOf(output: unknown, pages: Record<string, Buffer> = {}) {
  await using server = await startNode((path, response) => {
    const page = pages[path];
    if (page) response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(page);
    else {
      const json = JSON.stringify({ status: 'succeeded', output }).replaceAll('SELF', server.url);
      response.writeHead(200, { 'content-type': 'application/json' }).end(json);
    }
  });
  await using node = clientOf(server.url);
  return await perform(protocol, 'CUSTOM', { node });
}

describe('a Cog prediction', () => {
  it('is put under the id of the attempt, with the payload as its input', async () => {
    await using simulator = await createSimulator({ protocol: 'COG' });
    await using node = clientOf(simulator.url);
    await perform(protocol, 'CUSTOM', { node, input: { payload: { scale: 2 } } });
    expect(simulator.history).toMatchObject([
      {
        route: expect.stringMatching(/^PUT \/predictions\/[-\w]{36}$/),
        input: { scale: 2 },
        outcome: 'answered',
      },
    ]);
  });

  it('tells how far it is, by the metric "progress" and the log', async () => {
    await using simulator = await createSimulator({ protocol: 'COG', latencyMs: 40 });
    await using node = clientOf(simulator.url);
    const reports: Report[] = [];
    await perform(protocol, 'CUSTOM', { node, reports });
    expect(reports).toEqual(
      [1, 2, 3, 4].flatMap((step) => [
        { value: null, message: `step ${step} of 4` },
        { value: step / 4, message: undefined },
      ]),
    );
  });

  it('is asked for as a whole where its model does not stream', async () => {
    await using server = await startNode((_, response) => {
      const isStream = server.asked.at(-1)?.headers.accept === 'text/event-stream';
      response
        .writeHead(isStream ? 406 : 200, { 'content-type': 'application/json' })
        .end(JSON.stringify(isStream ? { detail: 'no stream' } : { status: 'succeeded', output: 42 }));
    });
    await using node = clientOf(server.url);
    expect(await perform(protocol, 'CUSTOM', { node })).toEqual({ value: 42, files: [] });
    expect(server.asked).toHaveLength(2);
  });

  it('takes nothing but an object', async () => {
    await using simulator = await createSimulator({ protocol: 'COG' });
    await using node = clientOf(simulator.url);
    const fault = await faultOf(perform(protocol, 'CUSTOM', { node, input: { payload: [1] } }));
    expect(fault).toMatchObject({ side: 'task', code: 'NODE_REJECTED' });
    expect(simulator.history).toEqual([]);
  });
});

describe('the output of a Cog prediction', () => {
  const file = { mimeType: 'image/png', bytes: Buffer.from(png, 'base64') };

  it('may be JSON, and nothing', async () => {
    expect(await outputOf({ words: [1, null] })).toEqual({ value: { words: [1, null] }, files: [] });
    expect(await outputOf(null)).toEqual({ value: null, files: [] });
  });

  it('may be files in data URLs, alone or in JSON', async () => {
    const url = `data:application/octet-stream;base64,${png}`;
    expect(await outputOf([url, url])).toEqual({ value: null, files: [file, file] });
    expect(await outputOf({ picture: url, seed: 7 })).toEqual({
      value: { picture: { file: 0 }, seed: 7 },
      files: [file],
    });
  });

  it('may be a file at the node, and is fetched at once', async () => {
    const pages = { '/out.png': Buffer.from(png, 'base64') };
    expect(await outputOf('SELF/out.png', pages)).toEqual({ value: null, files: [file] });
  });

  it('may name files among other values; links that are to no file stay what they are', async () => {
    const pages = { '/out.png': Buffer.from(png, 'base64') };
    const links = { private: 'http://169.254.169.254/a.png', site: 'https://example.org/' };
    expect(await outputOf({ picture: 'SELF/out.png', seed: 7, ...links }, pages)).toEqual({
      value: { picture: { file: 0 }, seed: 7, ...links },
      files: [file],
    });
  });

  it('names no file on a host of its own choice', async () => {
    const fault = await faultOf(outputOf('http://169.254.169.254/latest/meta-data'));
    expect(fault).toMatchObject({ code: 'BAD_NODE_ANSWER' });
  });
});

describe('what Cog refuses', () => {
  it.each([
    [409, { error: 'At capacity', status: 'failed' }, 'busy', 'the node is full: At capacity'],
    [503, { error: 'Not ready', status: 'failed' }, 'busy', 'the node is full: Not ready'],
    [422, { error: 'too big', status: 'failed' }, 'task', 'the node refused the task (422): too big'],
    [200, { status: 'failed', error: 'no GPU' }, 'node', 'the node failed: no GPU'],
    [200, { status: 'canceled' }, 'node', 'the node failed: the prediction is canceled'],
  ])('%i %j is the fault of the %s', async (status, body, side, message) => {
    await using server = await nodeAnswering(body, status);
    await using node = clientOf(server.url);
    expect(await faultOf(perform(protocol, 'CUSTOM', { node }))).toMatchObject({ side, message });
  });
});

describe('a Cog prediction that is stopped', () => {
  it('is looked after until the model has obeyed, or nobody wants to know any more', async () => {
    await using server = await nodeAnswering({ status: 'BUSY' });
    await using client = clientOf(server.url);
    const stopping = new AbortController();
    const giveUp = (): void => stopping.abort(new Error('nobody wants to know'));
    const node = {
      ...client,
      async request(request: Parameters<typeof client.request>[0]) {
        const answer = await client.request(request);
        // While it pauses before the next look.
        if (request.path === '/health-check') setImmediate(giveUp);
        return answer;
      },
    };
    const stopped = protocol.cancel?.({ node, attemptId: 'one', handle: null, signal: stopping.signal });
    await expect(stopped).rejects.toThrow('nobody wants to know');
    expect(server.asked.map(({ path }) => path)).toEqual(['/predictions/one/cancel', '/health-check']);
  });
});

describe('a Cog node', () => {
  it.each([
    ['READY', { ready: true, idle: true }],
    ['BUSY', { ready: true, idle: false }],
    ['STARTING', { ready: false, detail: 'the node says "STARTING"' }],
    ['DEFUNCT', { ready: false, detail: 'the node says "DEFUNCT"' }],
  ])('that says %s', async (status, readiness) => {
    await using server = await nodeAnswering({ status });
    await using node = clientOf(server.url);
    expect(await protocol.ready(node, AbortSignal.timeout(5_000))).toEqual(readiness);
  });
});
