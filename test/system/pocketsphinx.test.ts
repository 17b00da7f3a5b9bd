import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ServerProcess, startServer } from '../support/process.ts';

const SAID = 'go forward ten meters';
const ADMIN_KEY = 'an-admin-key-for-tests-only';

const stack = new AsyncDisposableStack();
let server: ServerProcess;
let wav: Buffer<ArrayBuffer>;

/** The example, started as its README says, on a free port. */
async function startNode(): Promise<string> {
  const child = spawn(process.execPath, ['examples/nodes/pocketsphinx/server.ts'], {
    env: { PATH: process.env.PATH, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  stack.defer(async () => {
    child.kill('SIGTERM');
    await exited;
  });
  const lines = createInterface({ input: child.stdout });
  const [line] = (await once(lines, 'line')) as [string];
  const url = /http:\S+/.exec(line)?.[0];
  if (url === undefined) throw new Error(`the node told no address: ${line}`);
  return url;
}

async function speak(folder: string): Promise<Buffer<ArrayBuffer>> {
  const file = path.join(folder, 'speech.wav');
  await promisify(execFile)('flite', ['-voice', 'rms', '-t', SAID, file]);
  return readFile(file);
}

beforeAll(async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'switchyard-speech-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  // PostgreSQL's own user must be able to enter when the tests are run by root.
  await chmod(folder, 0o755);
  wav = await speak(folder);
  const url = await startNode();
  const offers = [{ kind: 'SPEECH_TO_TEXT', models: ['pocketsphinx'] }];
  server = stack.use(
    await startServer({
      DATA_DIR: path.join(folder, 'data'),
      ADMIN_KEY,
      GPU_NODES: JSON.stringify([{ name: 'pocketsphinx', url, protocol: 'fast-whisper', offers }]),
    }),
  );
});

afterAll(() => stack.disposeAsync());

/** Submits by a GraphQL multipart request and waits. */
async function transcribe(audio: object, filePath: string, file: Blob): Promise<unknown> {
  const query = `mutation ($audio: MediaSource!) {
    submitTask(input: { task: { speechToText: { audio: $audio } }, waitMs: 50000 }) {
      ... on Task {
        status model gpuNode { name } error { code message }
        result { ... on TranscriptResult { text language } }
      }
      ... on Error { code message }
    }
  }`;
  const form = new FormData();
  form.set('operations', JSON.stringify({ query, variables: { audio } }));
  form.set('map', JSON.stringify({ 0: [`variables.audio.${filePath}`] }));
  form.set('0', file, 'speech');
  const response = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN_KEY}` },
    body: form,
  });
  return response.json();
}

const recognised = {
  data: {
    submitTask: {
      status: 'SUCCEEDED',
      model: 'pocketsphinx',
      gpuNode: { name: 'pocketsphinx' },
      error: null,
      result: { text: SAID, language: 'en' },
    },
  },
};

/** The samples of the 16 kHz mono file as 48 kHz stereo, interpolated linearly. */
function asStereoAt48kHz(file: Buffer): Int16Array<ArrayBuffer> {
  const dataAt = file.indexOf('data', 12, 'latin1') + 8;
  const frames = Math.floor((file.length - dataAt) / 2);
  const sample = (n: number) => file.readInt16LE(dataAt + 2 * Math.min(n, frames - 1));
  const samples = new Int16Array(frames * 3 * 2);
  for (let frame = 0; frame < frames * 3; frame++) {
    const before = Math.floor(frame / 3);
    const value = sample(before) + ((sample(before + 1) - sample(before)) * (frame % 3)) / 3;
    samples.fill(Math.round(value), 2 * frame, 2 * frame + 2);
  }
  return samples;
}

test('speech in an uploaded file comes out as what was said', async () => {
  const file = new Blob([wav], { type: 'audio/wav' });
  expect(await transcribe({ upload: null }, 'upload', file)).toEqual(recognised);
});

test('speech in raw samples of another rate, in stereo, comes out as what was said', async () => {
  const pcm = { data: null, sampleRate: 48_000, channels: 2 };
  const file = new Blob([asStereoAt48kHz(wav)]);
  expect(await transcribe({ pcm }, 'pcm.data', file)).toEqual(recognised);
});

test('sound that the node cannot read fails with what the node said, and is not tried again', async () => {
  const file = new Blob(['ID3 is no WAV file'], { type: 'audio/mpeg' });
  expect(await transcribe({ upload: null }, 'upload', file)).toMatchObject({
    data: {
      submitTask: {
        status: 'FAILED',
        error: { code: 'NODE_REJECTED', message: expect.stringContaining('only WAV files can be read') },
        result: null,
      },
    },
  });
});
