import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createClient, type Task } from '../../sdk/src/index.ts';
import { createSimulator, type Simulator, speak } from '../../simulator/index.ts';
import { adminKey, startTestApp, type TestApp } from '../support/app.ts';
import { type OutsideWriter, startOutsideWriter } from '../support/outside-writer.ts';
import { type RunOptions, switchyard } from './command-line.ts';

let painter: Simulator;
let listener: Simulator;
let writer: Simulator;
let poet: OutsideWriter;
let counter: Simulator;
let app: TestApp;
let folder: string;

beforeAll(async () => {
  painter = await createSimulator({ protocol: 'QWEN_IMAGE_GGUF', latencyMs: 50 });
  listener = await createSimulator({ protocol: 'FAST_WHISPER', latencyMs: 50 });
  writer = await createSimulator({ protocol: 'OPENAI' });
  poet = await startOutsideWriter();
  counter = await createSimulator({ protocol: 'JSON', latencyMs: 50 });
  const nodes = [
    { name: 'counter', url: counter.url, protocol: 'json', kind: 'CUSTOM', model: 'word-count' },
    { name: 'writer', url: writer.url, protocol: 'openai', kind: 'TEXT_GENERATION', model: 'qwen3' },
    { name: 'poet', url: poet.url, protocol: 'openai', kind: 'TEXT_GENERATION', model: 'verse' },
    {
      name: 'painter',
      url: painter.url,
      protocol: 'qwen-image-gguf',
      kind: 'TEXT_TO_IMAGE',
      model: 'qwen-image',
    },
    {
      name: 'listener',
      url: listener.url,
      protocol: 'fast-whisper',
      kind: 'SPEECH_TO_TEXT',
      model: 'whisper',
    },
  ];
  app = await startTestApp({
    GPU_NODES: JSON.stringify(
      nodes.map(({ kind, model, ...node }) => ({ ...node, offers: [{ kind, models: [model] }] })),
    ),
  });
  folder = await mkdtemp(path.join(tmpdir(), 'switchyard-cli-'));
});

afterAll(async () => {
  await app?.[Symbol.asyncDispose]();
  await painter?.close();
  await listener?.close();
  await writer?.close();
  await poet?.[Symbol.asyncDispose]();
  await counter?.close();
  await rm(folder, { recursive: true, force: true });
});

const tomorrow = new Date(Date.now() + 86_400_000).toISOString();

function run(args: string[], options: RunOptions = {}) {
  return switchyard(args, {
    env: { SWITCHYARD_URL: app.url, SWITCHYARD_TOKEN: adminKey, DATA_DIR: folder },
    ...options,
  });
}

async function submit(...options: string[]): Promise<Task> {
  const { stdout } = await run(['submit', 'text-to-image', 'a red fox', '--json', ...options]);
  return JSON.parse(stdout);
}

test('submit prints the id of the task', async () => {
  const { code, stdout } = await run([
    'submit',
    'text-to-image',
    'a red fox',
    '--steps',
    '4',
    '--label',
    'by=cli',
  ]);
  expect(stdout).toMatch(/^task_[0-9a-z]{26}\n$/);
  expect(code).toBe(0);
});

test('submit --wait shows a text as it is written', async () => {
  let printed = '';
  const ran = run(['submit', 'text-generation', 'the quick brown fox', '--model', 'verse', '--wait'], {
    printed: (all) => {
      printed = all;
    },
  });
  const writing = await poet.asked(1);
  let text = '';
  for (const piece of ['A fox', ' goes', ' home']) {
    writing.write(piece);
    text += piece;
    await expect.poll(() => printed.split('\n')[1]).toBe(text);
  }
  writing.end();
  const { code, stdout, stderr } = await ran;
  expect(code).toBe(0);
  expect(stdout).toMatch(/^task_\w{26}\nA fox goes home\n$/);
  expect(stderr).toMatch(/succeeded in [\d.]+ s on poet\n$/);
});

test('a conversation is JSON, and -o saves what was written', async () => {
  const message = JSON.stringify({ role: 'USER', content: 'sing of foxes' });
  const output = path.join(folder, 'texts');
  const args = ['submit', 'text-generation', '--messages', message, '--model', 'qwen3', '-o', output];
  const { code, stdout } = await run(args);
  expect(code).toBe(0);
  const [id = '', file = ''] = stdout.split('\n');
  expect(file).toBe(path.join(output, `${id}.txt`));
  expect(await readFile(file, 'utf8')).toMatch(/^About sing foxes:/);
});

test('submit -o waits and saves the picture', async () => {
  const args = ['submit', 'text-to-image', 'a red fox', '--seed', '7', '-o', path.join(folder, 'pictures')];
  const { code, stdout, stderr } = await run(args);
  expect(code).toBe(0);
  const [id, file = ''] = stdout.trim().split('\n');
  expect(file).toBe(path.join(folder, 'pictures', `${id}.png`));
  expect((await readFile(file)).subarray(1, 4).toString()).toBe('PNG');
  expect(stderr).toContain(`${id}: succeeded in `);
});

test('submit --wait uploads speech and prints its text', async () => {
  const file = path.join(folder, 'speech.wav');
  await writeFile(file, speak('go forward ten meters'));
  const { code, stdout } = await run(['submit', 'speech-to-text', file, '--language', 'en', '--wait']);
  expect(stdout).toMatch(/^task_\w+\ngo forward ten meters\n$/);
  expect(code).toBe(0);
});

test('submit --wait prints the value that a model of any kind answered', async () => {
  const { code, stdout } = await run([
    ...['submit', 'custom', '{"text": "the quick brown fox"}', '--type', 'word-count', '--wait'],
  ]);
  expect(stdout).toMatch(/^task_\w+\n\{.*"words":4.*\}\n$/);
  expect(code).toBe(0);
});

test('submit --wait exits 1 for a task that failed', async () => {
  painter.failNext({ type: 'fail' });
  const { code, stderr } = await run(['submit', 'text-to-image', 'a fox', '--max-attempts', '1', '--wait']);
  expect(stderr).toMatch(/failed: /);
  expect(code).toBe(1);
});

test('what the server refuses is told with its code', async () => {
  expect(await run(['submit', 'text-to-image', 'a fox', '--width', '5'])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/task\.textToImage\.width.*\(BAD_USER_INPUT\)/),
  });
  expect(await run(['submit', 'text-to-image', 'a fox', '--model', 'qwen-imag'])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/qwen-image.*\(NO_SUCH_MODEL\)/),
  });
  expect(await run(['nodes', '--token', 'nonsense'])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/\(UNAUTHENTICATED\)\n.*--token or SWITCHYARD_TOKEN/),
  });
});

test('watch follows a task to its end, and its log from the beginning', async () => {
  const { id } = await submit();
  const { code, stdout } = await run(['watch', id]);
  expect(stdout).toContain(`${id}: succeeded in `);
  expect(code).toBe(0);
  const events = (await run(['watch', id, '--events', '--json'])).stdout.trim().split('\n');
  expect(events.map((line) => JSON.parse(line).type)).toEqual(['SUBMITTED', 'STARTED', 'SUCCEEDED']);
});

test('Ctrl-C ends the wait and says that the task goes on', async () => {
  const interrupted = new AbortController();
  painter.failNext({ type: 'hang' });
  const { code, stderr } = await run(['submit', 'text-to-image', 'a fox', '--wait'], {
    signal: interrupted.signal,
    heard: (text) => text.includes('running on') && interrupted.abort(),
  });
  expect(code).toBe(130);
  const [, id = ''] = stderr.match(/(task_\w+) goes on/) ?? [];
  await createClient({ url: app.url, token: adminKey }).cancel(id);
});

test('tasks lists what matches, newest first', async () => {
  const first = await submit('--label', 'shop=north', '--start-at', tomorrow);
  const second = await submit('--label', 'shop=north', '--start-at', tomorrow);
  const list = [
    'tasks',
    '--label',
    'shop=north',
    '--status',
    'scheduled',
    '--kind',
    'text-to-image',
    '--json',
  ];
  const ids = async (...more: string[]) =>
    JSON.parse((await run([...list, ...more])).stdout).map(({ id }: Task) => id);
  expect(await ids()).toEqual([second.id, first.id]);
  expect(await ids('--oldest', '--limit', '1')).toEqual([first.id]);
  const { stdout } = await run(['tasks', '--label', 'shop=north']);
  expect(stdout).toMatch(/^ID +CREATED +QUEUE +STATUS/);
  expect(stdout).toContain('text-to-image/qwen-image');
});

test('tasks cancels, retries, shows and deletes', async () => {
  const { id } = await submit('--start-at', tomorrow);
  expect(await run(['tasks', 'cancel', id])).toMatchObject({
    code: 0,
    stdout: 'canceled: REMOVED_FROM_QUEUE\n',
  });
  expect(await run(['tasks', 'delete', id])).toMatchObject({ code: 0, stdout: 'deleted\n' });
  expect(await run(['tasks', 'show', id])).toMatchObject({ code: 1, stderr: expect.stringContaining(id) });
  expect(await run(['tasks', 'retry', id])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('NOT_FOUND'),
  });
});

test('tasks cancels and retries all that match, says first how many if asked, and retries one with another input', async () => {
  const mine = ['--label', 'shop=south'];
  const { id } = await submit(...mine, '--start-at', tomorrow);
  await submit(...mine, '--start-at', tomorrow);
  const told = async (...args: string[]) => (await run(['tasks', ...args, ...mine])).stdout;
  expect(await told('cancel', '--dry-run')).toBe('2 would be canceled\n');
  expect(await told('cancel')).toBe('2 canceled\n');
  expect(await told('retry')).toBe('0 retried\n');
  expect(await told('retry', '--status', 'canceled', '--dry-run', '--json')).toBe('{"count":2}\n');
  const task = ['--task', '{"textToImage":{"prompt":"a hare"}}'];
  expect((await run(['tasks', 'retry', id, ...task])).code).toBe(0);
  expect(JSON.parse((await run(['tasks', 'show', id])).stdout)).toMatchObject({
    ...{ status: 'SCHEDULED', input: { prompt: 'a hare' } },
  });
  expect(await told('retry', '--status', 'canceled')).toBe('1 retried\n');
  expect(await told('retry', '--error', 'node-rejected')).toBe('0 retried\n');
  expect(await told('cancel')).toBe('2 canceled\n');
});

test('nodes lists the GPU nodes', async () => {
  const { code, stdout } = await run(['nodes']);
  expect(stdout).toMatch(/^NAME +STATUS +BUSY/);
  expect(stdout).toMatch(/painter +\S+ +\d\/1 +qwen-image-gguf +http\S+ +text-to-image: qwen-image/);
  expect(code).toBe(0);
});

test("the local admin key is used for this machine's server, and sent to no other", async () => {
  await writeFile(path.join(folder, 'admin-key'), `${adminKey}\n`);
  const env = { SWITCHYARD_URL: app.url, DATA_DIR: folder };
  expect((await switchyard(['nodes'], { env })).code).toBe(0);
  const { findServer } = await import('../../src/cli/connection.ts');
  expect(findServer({ url: 'https://switchyard.example' }, env).token).toBeUndefined();
});
