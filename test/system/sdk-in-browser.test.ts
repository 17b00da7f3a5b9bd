import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { createSimulator, speak } from '../../simulator/index.ts';
import { adminKey, startTestApp } from '../support/app.ts';
import { launchChromium } from '../support/chromium.ts';

const root = path.join(import.meta.dirname, '../..');

/** What a page does with the SDK: it has nothing else. */
const script = (url: string, wav: string): string => `
  import { createClient } from '@switchyard/sdk';
  const client = createClient({ url: '${url}', token: '${adminKey}' });
  const bytes = Uint8Array.from(atob('${wav}'), (letter) => letter.charCodeAt(0));
  const seen = [];
  const [picture, speech] = await Promise.all([
    client.submitAndWait(
      { task: { textToImage: { prompt: 'a lighthouse', width: 64, height: 64 } } },
      { onProgress: ({ status }) => seen.push(status) },
    ),
    client.submitAndWait({ task: { speechToText: { audio: { upload: new File([bytes], 'speech.wav') } } } }),
  ]);
  const file = await (await client.download(picture.result.images[0])).blob();
  const { width, height } = await createImageBitmap(file);
  const events = [];
  for await (const { type } of client.events(picture.id)) events.push(type);
  client.close();
  window.told = { seen: seen.at(-1), text: speech.result.text, size: [width, height], events };`;

/** Serves the built SDK, what it imports, and a page that runs the script, from an origin of its own. */
async function servePages(folder: string) {
  let page = '';
  const files = { sdk: folder, 'graphql-ws': path.join(root, 'node_modules/graphql-ws/dist') };
  const server = createServer(async (request, response) => {
    const [, place = '', ...rest] = (request.url ?? '').split('/');
    if (place === '') return response.setHeader('content-type', 'text/html').end(page);
    const from = place in files ? files[place as keyof typeof files] : undefined;
    if (from === undefined) return response.writeHead(404).end();
    const text = await readFile(path.join(from, ...rest));
    return response.setHeader('content-type', 'text/javascript').end(text);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    show(module: string) {
      const imports = { '@switchyard/sdk': '/sdk/index.js', 'graphql-ws/client': '/graphql-ws/client.js' };
      page = `<!doctype html><link rel="icon" href="data:,"><script type="importmap">${JSON.stringify({ imports })}</script>
        <script type="module">${module}</script>`;
    },
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

test('a page of another origin submits, uploads, watches and downloads with the SDK', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'switchyard-sdk-'));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const tsc = path.join(root, 'node_modules/.bin/tsc');
  await promisify(execFile)(tsc, ['-p', path.join(root, 'sdk'), '--outDir', folder]);
  const pages = stack.use(await servePages(folder));
  const simulator = stack.use(await createSimulator({ protocol: 'OPENAI', slots: 2 }));
  const offers = ['TEXT_TO_IMAGE', 'SPEECH_TO_TEXT'].map((kind) => ({ kind, models: [kind] }));
  const node = { name: 'both', url: simulator.url, protocol: 'openai', slots: 2, offers };
  const app = stack.use(await startTestApp({ GPU_NODES: JSON.stringify([node]), CORS_ORIGINS: pages.url }));
  pages.show(script(app.url, Buffer.from(speak('over the wire')).toString('base64')));
  const browser = stack.adopt(await launchChromium(), (it) => it.close());
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on('pageerror', ({ message }) => errors.push(message));
  page.on('console', (message) => errors.push(message.text()));
  await page.goto(pages.url);
  const told = await page.waitForFunction('window.told', null, { timeout: 40_000 }).catch(() => null);
  expect(errors).toEqual([]);
  expect(await told?.jsonValue()).toEqual({
    seen: 'SUCCEEDED',
    text: 'over the wire',
    size: [64, 64],
    events: ['SUBMITTED', 'STARTED', 'SUCCEEDED'],
  });
});
