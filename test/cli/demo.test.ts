import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { createClient } from '../../sdk/src/index.ts';
import { makeFolder, type TestFolder } from '../support/folder.ts';

const bin = path.join(import.meta.dirname, '../../bin/switchyard.js');
let folder: TestFolder;

beforeAll(async () => {
  folder = await makeFolder();
});

afterAll(() => folder?.[Symbol.asyncDispose]());

/** As a person's shell has it, but for the settings of the tests themselves. */
const options = () => ({ cwd: folder.path, env: { PATH: process.env.PATH, PORT: '0' } });

test('demo --once runs a task of each kind on the embedded database and saves the results', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [bin, 'demo', '--once'], options());
  expect(stdout).toContain('text-to-image: succeeded in ');
  expect(stdout).toContain('speech-to-text: succeeded in ');
  expect(stdout).toContain('image-to-3d: succeeded in ');
  expect(stdout).toMatch(/^document: \d+ %, (?:chunking|embedding).* on local$/m);
  expect(stdout).toContain('document: succeeded in ');
  expect(stdout).toMatch(
    /Why does a print come off the plate\?\nworkshop\.md, [\d.]+:\n## When a print comes off/,
  );
  const files = (await readdir(path.join(folder.path, 'demo-output'))).sort();
  expect(files).toEqual([
    'document.json',
    'embedding.json',
    'image-to-3d.glb',
    'image-to-image.png',
    'speech-to-text.json',
    'speech-to-text.txt',
    'text-generation.txt',
    'text-to-image.png',
  ]);
  for (const file of files) expect(stdout).toContain(path.join('demo-output', file));
  const embedding = JSON.parse(await readFile(path.join(folder.path, 'demo-output/embedding.json'), 'utf8'));
  expect(embedding.vectors).toHaveLength(3);
  expect(embedding.vectors[2]).toHaveLength(embedding.dimensions);
  const text = await readFile(path.join(folder.path, 'demo-output/speech-to-text.txt'), 'utf8');
  expect(text).toBe('Nothing that was accepted is ever lost.\n');
}, 90_000);

test('demo keeps serving until it is told to stop, and leaves no simulated node behind', async () => {
  const child = spawn(process.execPath, [bin, 'demo'], {
    ...options(),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let stdout = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  await vi.waitFor(() => expect(stdout).toContain('until Ctrl-C'), { timeout: 50_000, interval: 100 });
  const [, url = ''] = stdout.match(/GraphiQL +(\S+)/) ?? [];
  const [, token = ''] = stdout.match(/Bearer ([^"]+)"/) ?? [];
  const client = createClient({ url, token });
  expect(await client.nodes()).toHaveLength(3);
  const task = await client.submitAndWait({ task: { textToImage: { prompt: 'a lighthouse' } } });
  expect(task.status).toBe('SUCCEEDED');
  // The start before this one had the same data.
  const bases = await Array.fromAsync(client.knowledgeBases());
  expect(bases).toHaveLength(1);
  const base = bases[0]?.id ?? '';
  expect(await Array.fromAsync(client.documents(base))).toMatchObject([{ name: 'workshop.md' }]);
  expect(stdout).toContain(`knowledgeBase(id: "${base}")`);
  child.kill('SIGINT');
  expect(await once(child, 'close')).toEqual([0, null]);
  expect(stdout).toContain('stopping: what runs may end');
  const { stdout: report } = await promisify(execFile)(
    process.execPath,
    [bin, 'doctor', '--json'],
    options(),
  ).catch((error: { stdout: string }) => error);
  expect(JSON.parse(report)).toContainEqual(expect.objectContaining({ part: 'nodes', ok: false }));
}, 90_000);
