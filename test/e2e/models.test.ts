import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Client, createClient } from '../../sdk/src/index.ts';
import { createSimulator, drawPicture, type Simulator } from '../../simulator/index.ts';
import { modelType } from '../../src/nodes/protocols/support/models.ts';
import { switchyard } from '../cli/command-line.ts';
import { adminKey, startTestApp, type TestApp } from '../support/app.ts';

vi.setConfig({ testTimeout: 60_000 });

const token = 'id:key';
let provider: Simulator;
let app: TestApp;
let client: Client;
let folder: string;
let picture: Buffer;

beforeAll(async () => {
  provider = await createSimulator({ protocol: 'TENCENT_AI3D', token });
  const offers = [{ kind: 'IMAGE_TO_3D', models: ['hunyuan3d-pro-3.1'] }];
  const node = { name: 'cloud', url: provider.url, protocol: 'tencent-ai3d', offers, token };
  app = await startTestApp({ GPU_NODES: JSON.stringify([node]) });
  client = createClient({ url: app.url, token: adminKey });
  folder = await mkdtemp(path.join(tmpdir(), 'switchyard-models-'));
  picture = await drawPicture({ prompt: 'a clay pot', seed: 3, width: 128, height: 128 });
});

afterAll(async () => {
  client?.close();
  await app?.[Symbol.asyncDispose]();
  await provider?.close();
  await rm(folder, { recursive: true, force: true });
});

const fileOf = (bytes: Uint8Array, name: string, type: string) =>
  new File([new Uint8Array(bytes)], name, { type });

test('a picture becomes a model: its files have the types that they are of, and a preview is kept', async () => {
  const image = { upload: fileOf(picture, 'pot.png', 'image/png') };
  const task = await client.submitAndWait({ task: { imageTo3d: { image, format: 'OBJ', texture: true } } });
  expect(task).toMatchObject({
    kind: 'IMAGE_TO_3D',
    model: 'hunyuan3d-pro-3.1',
    status: 'SUCCEEDED',
    input: { image: { artifactId: expect.any(String) }, format: 'OBJ', texture: true },
  });
  if (task.result?.__typename !== 'ModelResult') throw new Error('no model');
  const { files, preview } = task.result;
  expect(files.map(({ mimeType }) => mimeType)).toEqual([
    'model/obj',
    'model/mtl',
    'image/png',
    'application/zip',
  ]);
  expect(preview).toMatchObject({ mimeType: 'image/png', width: 256, height: 256 });
  const [model] = files;
  if (model === undefined) throw new Error('no file');
  const { headers } = await client.download(model);
  expect(headers.get('content-type')).toBe('model/obj');
  expect(provider.history[0]?.input).toMatchObject({ tier: 'Pro', Model: '3.1' });
});

test('the command submits a picture and saves what became of it', async () => {
  const file = path.join(folder, 'pot.png');
  await writeFile(file, picture);
  const args = ['submit', 'image-to-3d', file, '--format', 'glb', '-o', folder];
  const { code, stdout } = await switchyard(args, {
    env: { SWITCHYARD_URL: app.url, SWITCHYARD_TOKEN: adminKey, DATA_DIR: folder },
  });
  expect(code).toBe(0);
  const [, glb = '', preview = ''] = stdout.trim().split('\n');
  expect([path.extname(glb), preview.endsWith('-preview.png')]).toEqual(['.glb', true]);
  expect(modelType(await readFile(glb))).toBe('model/gltf-binary');
});

test('what is no picture is refused at once, and told where it stands', async () => {
  const upload = fileOf(Buffer.from('no picture at all'), 'pot.txt', 'text/plain');
  await expect(client.submit({ task: { imageTo3d: { image: { upload } } } })).rejects.toMatchObject({
    code: 'BAD_USER_INPUT',
    problem: {
      issues: [{ path: 'task.imageTo3d.image.upload', message: 'must be a picture, not text/plain' }],
    },
  });
  const data = fileOf(new Uint8Array(4), 'pot.pcm', 'audio/pcm');
  await expect(
    client.submit({ task: { imageTo3d: { image: { pcm: { data, sampleRate: 16_000 } } } } }),
  ).rejects.toMatchObject({
    problem: {
      issues: [{ path: 'task.imageTo3d.image.pcm', message: 'must be a picture, not raw samples' }],
    },
  });
});
