import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { StartError } from '../../src/errors.ts';
import { loadWorkflows } from '../../src/nodes/index.ts';

const workflow = { '1': { class_type: 'CLIPTextEncode', inputs: { text: '{{prompt}}' } } };

async function folderOf(files: Readonly<Record<string, string>>) {
  const folder = await mkdtemp(path.join(tmpdir(), 'switchyard-workflows-'));
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, content);
  }
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

it('finds a workflow by its kind and model, whose name may have slashes', async () => {
  const text = JSON.stringify(workflow);
  await using files = await folderOf({
    'text-to-image/flux.json': text,
    'text-to-image/a/b-1.0.json': text,
    'notes.txt': '',
  });
  const workflows = await loadWorkflows(files.folder);
  expect(workflows.names).toEqual(['text-to-image/a/b-1.0', 'text-to-image/flux']);
  expect(workflows.find('TEXT_TO_IMAGE', 'flux')).toEqual(workflow);
  expect(workflows.find('TEXT_TO_IMAGE', 'a/b-1.0')).toEqual(workflow);
  expect(workflows.find('TEXT_TO_IMAGE', '../text-to-image/flux')).toBeNull();
  expect(workflows.find('SPEECH_TO_TEXT', 'flux')).toBeNull();
});

it('needs no folder', async () => {
  const workflows = await loadWorkflows(path.join(tmpdir(), 'switchyard-no-such-folder'));
  expect(workflows.find('TEXT_TO_IMAGE', 'flux')).toBeNull();
});

it('tells all that is wrong, file by file', async () => {
  await using files = await folderOf({
    'flux.json': JSON.stringify(workflow),
    'speech-to-text/x.json': JSON.stringify(workflow),
    'text-to-image/editor.json': '{"nodes": [], "links": []}',
    'text-to-image/fixed.json': '{"1": {"class_type": "A", "inputs": {"text": "a cat", "n": "{{amount}}"}}}',
    'text-to-image/half.json': '{"1": ',
  });
  const error = await loadWorkflows(files.folder).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(StartError);
  const lines = String(error).split('\n').slice(1);
  expect(lines).toEqual([
    expect.stringMatching(
      /^ {2}flux.json: must be in a folder named after a kind: text-to-image, image-to-image$/,
    ),
    expect.stringMatching(/^ {2}speech-to-text\/x.json: must be in a folder/),
    expect.stringMatching(/editor.json: nodes must be in the API format, as "Export \(API\)" writes it/),
    expect.stringMatching(/fixed.json: has no \{\{prompt\}\}; \{\{amount\}\} is none of \{\{prompt\}\}, /),
    expect.stringMatching(/half.json: is no JSON/),
  ]);
});
