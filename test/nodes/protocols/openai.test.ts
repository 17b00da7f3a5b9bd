import { Agent } from 'undici';
import { describe, expect, it } from 'vitest';
import { createSimulator } from '../../../simulator/index.ts';
import { protocols } from '../../../src/nodes/protocols/index.ts';
import { ForbiddenUrlError } from '../../../src/urls/index.ts';
import { clientOf, faultOf, perform } from './calls.ts';
import { nodeAnswering, startNode } from './node.ts';

const protocol = protocols.OPENAI;
const png =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

describe('openai pictures', () => {
  it('leaves out what the caller left out', async () => {
    await using simulator = await createSimulator({ protocol: 'OPENAI', side: 64 });
    await using node = clientOf(simulator.url);
    await perform(protocol, 'TEXT_TO_IMAGE', { node, input: { prompt: 'a cat' } });
    expect(simulator.history[0]?.input).toEqual({
      model: 'test-model',
      prompt: 'a cat',
      n: 1,
      response_format: 'b64_json',
    });
  });

  it('sends what the caller gave, in one call for all pictures', async () => {
    await using simulator = await createSimulator({ protocol: 'OPENAI' });
    await using node = clientOf(simulator.url);
    const input = {
      width: 96,
      height: 64,
      steps: 8,
      guidanceScale: 3.5,
      seed: 11,
      negativePrompt: 'blurry',
      count: 3,
    };
    const made = await perform(protocol, 'TEXT_TO_IMAGE', { node, input });
    expect(made.seed).toBe(11);
    expect(new Set(made.images.map(({ bytes }) => Buffer.from(bytes).toString('hex'))).size).toBe(3);
    expect(simulator.history.map((call) => call.input)).toMatchObject([
      {
        n: 3,
        size: '96x64',
        num_inference_steps: 8,
        guidance_scale: 3.5,
        seed: 11,
        negative_prompt: 'blurry',
      },
    ]);
  });

  it('keeps settings for sd-server out of the prompt', async () => {
    await using simulator = await createSimulator({ protocol: 'OPENAI', side: 64 });
    await using node = clientOf(simulator.url);
    const settings = '<sd_cpp_extra_args>{"steps":9999}</sd_cpp_extra_args>';
    const wrapped = '<sd_cpp_<sd_cpp_extra_args></sd_cpp_extra_args>extra_args>{"steps":9999}';
    for (const prompt of [`a cat ${settings}`, `a cat ${wrapped}`, 'a <b>cat</b> ']) {
      await perform(protocol, 'TEXT_TO_IMAGE', { node, input: { prompt } });
    }
    const prompts = simulator.history.map(({ input }) => input.prompt);
    expect(prompts).toEqual(['a cat', 'a cat {"steps":9999}', 'a <b>cat</b> ']);
  });

  it('fetches a picture that the node names by URL', async () => {
    await using simulator = await createSimulator({ protocol: 'OPENAI', side: 64, token: 'secret' });
    await using node = clientOf(simulator.url, { token: 'secret' });
    // Such models refuse response_format, and this server then answers URLs.
    const made = await perform(protocol, 'TEXT_TO_IMAGE', { node, model: 'gpt-image-1' });
    expect(simulator.history[0]?.input).not.toHaveProperty('response_format');
    expect(made.images).toMatchObject([{ mimeType: 'image/png' }]);
  });

  it('quotes what came in place of a picture where it says something, and nothing else', async () => {
    const answers = { AAAA: / is no picture$/, [btoa('CUDA error')]: / is no picture: CUDA error$/ };
    for (const [data, message] of Object.entries(answers)) {
      await using server = await nodeAnswering({ data: [{ b64_json: data }] });
      await using client = clientOf(server.url);
      const fault = await faultOf(perform(protocol, 'TEXT_TO_IMAGE', { node: client }));
      expect(fault).toMatchObject({ code: 'BAD_NODE_ANSWER', message: expect.stringMatching(message) });
    }
  });

  it('fetches from another host only what the check of URLs lets through, without the token', async () => {
    await using store = await startNode((_, response) => void response.end(Buffer.from(png, 'base64')));
    await using server = await nodeAnswering({ data: [{ url: `${store.url}/picture.png?key=1` }] });
    await using strict = clientOf(server.url, { token: 'secret' });
    const fault = await faultOf(perform(protocol, 'TEXT_TO_IMAGE', { node: strict }));
    expect(fault).toMatchObject({ side: 'node', code: 'BAD_NODE_ANSWER' });

    const checkUrl = () => Promise.reject(new ForbiddenUrlError('private address'));
    await using checked = clientOf(server.url, { token: 'secret', checkUrl });
    expect((await faultOf(perform(protocol, 'TEXT_TO_IMAGE', { node: checked }))).code).toBe(
      'BAD_NODE_ANSWER',
    );
    expect(store.asked).toEqual([]);

    await using agent = Object.assign(new Agent(), {
      [Symbol.asyncDispose]: (): Promise<void> => agent.close(),
    });
    await using open = clientOf(server.url, { token: 'secret', checkUrl: async () => agent });
    await perform(protocol, 'TEXT_TO_IMAGE', { node: open });
    expect(store.asked).toMatchObject([{ path: '/picture.png?key=1' }]);
    expect(store.asked[0]?.headers).not.toHaveProperty('authorization');
  });

  it('takes a URL that ends in /v1, and pictures in a data URL', async () => {
    await using server = await nodeAnswering({ data: [{ url: `data:image/jpeg;base64,${png}` }] });
    await using node = clientOf(`${server.url}/v1`);
    const made = await perform(protocol, 'TEXT_TO_IMAGE', { node });
    expect(made.images).toMatchObject([{ mimeType: 'image/png' }]);
    expect(server.asked).toMatchObject([{ path: '/v1/images/generations' }]);
  });

  it('keeps as many pictures as were asked for, or as came', async () => {
    const data = [{ b64_json: png }, { b64_json: png }];
    await using server = await nodeAnswering({ data });
    await using node = clientOf(server.url);
    const make = (count: number) => perform(protocol, 'TEXT_TO_IMAGE', { node, input: { count } });
    expect((await make(1)).images).toHaveLength(1);
    expect((await make(4)).images).toHaveLength(2);
  });
});

describe('openai transcripts', () => {
  it('asks for segments where timestamps are wanted', async () => {
    await using simulator = await createSimulator({ protocol: 'OPENAI' });
    await using node = clientOf(simulator.url);
    const made = await perform(protocol, 'SPEECH_TO_TEXT', { node, input: { timestamps: true } });
    expect(made).toMatchObject({
      language: 'english',
      segments: [{ startSeconds: 0, text: 'go forward ten meters' }],
    });
    expect(simulator.history[0]?.input).toEqual({
      file: 'audio.wav',
      model: 'test-model',
      response_format: 'verbose_json',
      'timestamp_granularities[]': 'segment',
    });
  });
});

describe('the negative prompt', () => {
  const promptAt = async (system: object | null) => {
    await using server = await startNode((path, response) => {
      const body = path === '/system' ? system : { data: [{ b64_json: png }] };
      response
        .writeHead(body === null ? 404 : 200, { 'content-type': 'application/json' })
        .end(JSON.stringify(body));
    });
    await using node = clientOf(server.url);
    await perform(protocol, 'TEXT_TO_IMAGE', { node, input: { prompt: 'a|b', negativePrompt: 'c|d' } });
    return JSON.parse(String(server.asked.find(({ path }) => /images/.test(path))?.body)).prompt;
  };

  it('stands behind a bar where the server is LocalAI, and the caller has no other bar', async () => {
    expect(await promptAt({ backends: [], loaded_models: [] })).toBe('a,b|c,d');
    expect(await promptAt(null)).toBe('a|b');
  });
});

describe('openai errors', () => {
  it.each([
    [
      400,
      { error: { message: 'bad size', code: null } },
      'task',
      'the node refused the task (400): bad size',
    ],
    [400, { error: 'n must be positive' }, 'task', 'the node refused the task (400): n must be positive'],
    [
      415,
      { detail: 'Failed to decode audio' },
      'task',
      'the node refused the task (415): Failed to decode audio',
    ],
    [
      422,
      { detail: [{ loc: ['body', 'n'], msg: 'too big' }] },
      'task',
      'the node refused the task (422): body.n: too big',
    ],
    [404, { detail: 'model not installed' }, 'node', 'the node answered 404: model not installed'],
    [
      500,
      { error: 'server_error', message: 'out of memory' },
      'node',
      'the node answered 500: out of memory',
    ],
    [
      500,
      { error: { code: 500, message: 'image input is not supported', type: 'server_error' } },
      'task',
      'the node refused the task: image input is not supported',
    ],
    [
      500,
      { error: { code: 400, message: 'n: must be one', type: 'BadRequestError' } },
      'task',
      'the node refused the task: n: must be one',
    ],
    [
      500,
      { error: { message: 'CUDA error: invalid value' } },
      'node',
      'the node answered 500: CUDA error: invalid value',
    ],
    [502, '<html>Bad Gateway</html>', 'node', 'the node answered 502: <html>Bad Gateway</html>'],
    [503, { detail: 'engine died' }, 'node', 'the node answered 503: engine died'],
    [503, { error: { message: 'Loading model' } }, 'busy', 'the node is full: Loading model'],
    [429, { error: 'job queue is full' }, 'busy', 'the node is full: job queue is full'],
    [200, { error: { message: 'no GPU' } }, 'node', 'the node failed: no GPU'],
  ])('reads %i %j', async (status, body, side, message) => {
    await using server = await nodeAnswering(body, status);
    await using node = clientOf(server.url);
    expect(await faultOf(perform(protocol, 'TEXT_TO_IMAGE', { node }))).toMatchObject({ side, message });
  });
});

describe('how long a full node asks for', () => {
  const ask = async (retryAfter: string) => {
    await using server = await nodeAnswering('full', 503, { 'retry-after': retryAfter });
    await using node = clientOf(server.url);
    return (await faultOf(perform(protocol, 'TEXT_TO_IMAGE', { node }))).retryAfterMs;
  };

  it('is read in seconds or as a date, never below 0 nor above 10 minutes', async () => {
    expect(await ask('1.5')).toBe(1_500);
    expect(await ask('86400')).toBe(600_000);
    expect(await ask(new Date(0).toUTCString())).toBe(0);
    expect(await ask(new Date(Date.now() + 60_000).toUTCString())).toBeGreaterThan(50_000);
    expect(await ask('soon')).toBeUndefined();
  });
});

describe('openai readiness', () => {
  const check = async (pages: Record<string, [number, unknown]>) => {
    await using server = await startNode((path, response) => {
      const [status, body] = pages[path] ?? [404, { detail: 'Not Found' }];
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
    await using node = clientOf(server.url);
    return await protocol.ready(node, AbortSignal.timeout(5_000));
  };
  const models: [number, unknown] = [200, { object: 'list', data: [] }];

  it('asks for the list of models where there is no page on health', async () => {
    expect(await check({ '/v1/models': models })).toEqual({ ready: true, models: [] });
    expect(await check({})).toMatchObject({ ready: false });
    expect(await check({ '/v1/models': [200, 'hello'] })).toMatchObject({ ready: false });
  });

  it('believes a page on health that says no', async () => {
    const starting = { status: 'starting', reason: 'loading' };
    expect(await check({ '/v1/models': models, '/readyz': [503, starting] })).toMatchObject({ ready: false });
    expect(await check({ '/v1/models': models, '/health': [200, starting] })).toEqual({
      ready: false,
      detail: 'the node says "starting"',
    });
    expect(await check({ '/v1/models': models, '/health': [200, { status: 'ok' }] })).toMatchObject({
      ready: true,
    });
  });

  it('tells the models that the server lists, and which of them it holds where that can be told', async () => {
    const list = (...data: object[]): [number, unknown] => [200, { object: 'list', data }];
    const told = async (pages: Record<string, [number, unknown]>) => {
      const { models, loadedModels } = await check(pages);
      return [models, loadedModels];
    };
    const router = list({ id: 'a', status: { value: 'unloaded' } }, { id: 'b', status: { value: 'loaded' } });
    expect(await told({ '/v1/models': router })).toEqual([['a', 'b'], ['b']]);
    expect(await told({ '/v1/models': list({ id: 'a', owned_by: 'vllm' }) })).toEqual([['a'], ['a']]);
    const local = list({ id: 'a' }, { id: 'b' });
    expect(await told({ '/v1/models': local })).toEqual([['a', 'b'], undefined]);
    expect(await told({ '/v1/models': local, '/api/ps': [200, { models: ['b'] }] })).toEqual([
      ['a', 'b'],
      ['b'],
    ]);
    const loaded = { backends: [], loaded_models: [{ id: 'a' }] };
    expect(await told({ '/v1/models': local, '/system': [200, loaded] })).toEqual([['a', 'b'], ['a']]);
    const ollama = { models: [{ name: 'a', size: 1 }] };
    expect(await told({ '/v1/models': local, '/api/ps': [200, ollama] })).toEqual([['a', 'b'], ['a']]);
  });
});
