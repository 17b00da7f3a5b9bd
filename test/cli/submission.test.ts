import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { OptionValues } from '../../src/cli/command.ts';
import { submittableKinds } from '../../src/cli/submission.ts';

let folder: string;
let wav: string;
let pcm: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'switchyard-cli-'));
  wav = path.join(folder, 'speech.wav');
  pcm = path.join(folder, 'speech.pcm');
  await writeFile(wav, 'RIFF');
  await writeFile(pcm, 'samples');
});

afterAll(() => rm(folder, { recursive: true, force: true }));

function build(slug: string, subject: string | string[], values: OptionValues = {}) {
  const kind = submittableKinds().find((one) => one.slug === slug);
  if (kind === undefined) throw new Error(`no such kind: ${slug}`);
  return kind.build([subject].flat(), values);
}

test('a payload is JSON, as it is or in a file', async () => {
  const file = path.join(folder, 'payload.json');
  await writeFile(file, '{"scale": 2}');
  for (const payload of ['{"scale": 2}', `@${file}`]) {
    expect(await build('custom', payload, { type: 'upscale' })).toEqual({
      task: { custom: { type: 'upscale', payload: { scale: 2 } } },
    });
  }
  await expect(build('custom', '{scale: 2}', { type: 'upscale' })).rejects.toThrow(/^payload: must be JSON/);
  await expect(build('custom', '{}')).rejects.toThrow('--type: must be given');
});

test('a kind of many texts takes many, and one that can do without a prompt takes none', async () => {
  expect(await build('embedding', ['a fox', 'a cat'])).toEqual({
    task: { embedding: { texts: ['a fox', 'a cat'] } },
  });
  const messages = ['{"role": "SYSTEM", "content": "be brief"}', '{"role": "USER", "content": "hello"}'];
  expect(await build('text-generation', [], { messages, 'max-tokens': '5' })).toEqual({
    task: {
      textGeneration: {
        messages: [
          { role: 'SYSTEM', content: 'be brief' },
          { role: 'USER', content: 'hello' },
        ],
        maxTokens: 5,
      },
    },
  });
  await expect(build('text-generation', [], { messages: ['hello'] })).rejects.toThrow(
    'messages: must be JSON',
  );
});

test('options become the fields of the kind and of the submission, each in its own type', async () => {
  const values = {
    model: 'qwen-image',
    steps: '12',
    'guidance-scale': '3.5',
    priority: 'high',
    deadline: '2030-01-31T08:00:00+01:00',
    label: ['shop=north', 'note=a=b'],
    wait: true,
  };
  expect(await build('text-to-image', 'a red fox', values)).toEqual({
    task: { textToImage: { prompt: 'a red fox', model: 'qwen-image', steps: 12, guidanceScale: 3.5 } },
    priority: 'HIGH',
    deadline: '2030-01-31T07:00:00.000Z',
    labels: { shop: 'north', note: 'a=b' },
  });
});

test('a file is uploaded under its name', async () => {
  const input = await build('speech-to-text', wav, { timestamps: true });
  const upload = input.task.speechToText?.audio.upload;
  expect(input.task.speechToText).toEqual({ audio: { upload: expect.any(File) }, timestamps: true });
  expect(upload).toMatchObject({ name: 'speech.wav', size: 4 });
  expect(await upload?.text()).toBe('RIFF');
});

test('raw samples are uploaded with their rate', async () => {
  const input = await build('speech-to-text', pcm, { 'sample-rate': '16000' });
  expect(input.task.speechToText?.audio).toEqual({
    pcm: { data: expect.any(File), sampleRate: 16_000, channels: 1 },
  });
});

test('a URL and an artifact are named, not uploaded', async () => {
  const url = 'https://example.com/speech.wav';
  expect((await build('speech-to-text', url)).task.speechToText?.audio).toEqual({ url });
  const artifactId = 'artifact_01h455vb4pex5vsknk084sn02q';
  expect((await build('speech-to-text', artifactId)).task.speechToText?.audio).toEqual({ artifactId });
});

test.each<[string, OptionValues, string]>([
  ['a fox', { width: '1.5' }, '--width: must be a whole number, not "1.5"'],
  ['a fox', { 'guidance-scale': '' }, '--guidance-scale: must be a number, not ""'],
  ['a fox', { priority: 'huge' }, '--priority: "huge" is none of high, low, normal, urgent'],
  ['a fox', { 'start-at': 'soon' }, '--start-at: must be a time, such as 2030-01-31T08:00:00Z, not "soon"'],
  ['a fox', { label: ['shop'] }, '--label: must be KEY=VALUE, not "shop"'],
])('%s with %j is refused in words that help', async (prompt, values, message) => {
  await expect(build('text-to-image', prompt, values)).rejects.toThrow(message);
});

test('raw samples without their rate are refused', async () => {
  await expect(build('speech-to-text', pcm)).rejects.toThrow('say their rate with --sample-rate');
  await expect(build('speech-to-text', pcm, { 'sample-rate': 'cd' })).rejects.toThrow(
    '--sample-rate: must be',
  );
});
