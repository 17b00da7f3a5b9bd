import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { createClient } from '../sdk/src/index.ts';
import { demo } from '../src/cli/commands/demo.ts';
import type { Sink } from '../src/cli/terminal.ts';
import { openGraphiQL } from '../test/support/graphiql.ts';

// Runs the demo, watches one more task in GraphiQL, and makes docs/demo.png of both. Needs /usr/bin/chromium.

const WIDTH = 1200;
const SCALE = 2;
const FINAL_WIDTH = 1600;
const target = path.resolve('docs/demo.png');

interface Terminal extends Sink {
  /** What a person would see now. */
  readonly screen: string;
  /** Resolves once the screen shows the text. */
  shows(text: string): Promise<void>;
}

/** As much of a terminal as the demo's moving bars need: going up, and erasing a line. */
function createTerminal(): Terminal {
  const lines: string[] = [];
  let row = 0;
  const waiting = new Map<string, PromiseWithResolvers<void>>();
  const print = (text: string) => {
    for (const [n, part] of text.split('\n').entries()) {
      if (n > 0) row += 1;
      lines[row] = (lines[row] ?? '') + part;
    }
  };
  return {
    isTTY: true,
    columns: 100,
    write(text) {
      const [plain = '', ...controlled] = text.split('\x1b[');
      print(plain);
      for (const part of controlled) {
        const [code = '', count, letter] = /^(\d+)([AK])/.exec(part) ?? [];
        if (letter === 'A') row -= Number(count);
        if (letter === 'K') lines[row] = '';
        print(part.slice(code.length));
      }
      for (const [awaited, { resolve }] of waiting) if (this.screen.includes(awaited)) resolve();
    },
    get screen() {
      return lines.join('\n');
    },
    shows(text) {
      const shown = Promise.withResolvers<void>();
      waiting.set(text, shown);
      return shown.promise;
    },
  };
}

/** A subscription in GraphiQL that followed a task to its end. */
async function photographGraphiQL(url: string, token: string): Promise<Buffer> {
  await using graphiql = await openGraphiQL(url, { width: WIDTH - 48, height: 510, scale: SCALE });
  await graphiql.setHeaders({ authorization: `Bearer ${token}` });
  const { page } = graphiql;
  await page.getByRole('button', { name: 'Hide editor tools' }).click();
  const client = createClient({ url, token });
  const { id } = await client.submit({ task: { textToImage: { prompt: 'a lighthouse at dusk' } } });
  client.close();
  await graphiql.run(`subscription Watch {
  taskUpdated(
    id: "${id}"
  ) {
    status
    gpuNode { name }
    queuedMs
    runningMs
    result {
      ... on ImageResult {
        images { width height }
      }
    }
  }
}
`);
  await page.keyboard.press('Control+Home');
  await page.getByLabel('Result Window').getByText('SUCCEEDED').waitFor();
  await page.mouse.move(0, 0);
  // Millions of pixels wide, it is at times left out of a screenshot.
  await page.addStyleTag({ content: '.lines-content { width: 100% !important; height: 100% !important }' });
  return await page.screenshot();
}

const asData = (png: Buffer) => `data:image/png;base64,${png.toString('base64')}`;

function compose(screen: string, drawing: Buffer, graphiql: Buffer): string {
  const text = screen.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  const coloured = text.replaceAll(/█+/g, '<u>$&</u>').replaceAll(/http\S+\w/g, '<i>$&</i>');
  return `<!doctype html><meta charset="utf-8"><style>
    body { margin: 0; padding: 24px; width: ${WIDTH - 48}px; background: #e6e9f0; }
    .card { border-radius: 10px; overflow: hidden; box-shadow: 0 4px 18px #1b243a40; }
    .card > img { display: block; width: 100%; }
    .terminal { display: flex; justify-content: space-between; padding: 18px 20px; margin-bottom: 20px;
      background: #1b2130; color: #d8dee9; }
    .terminal img { width: 236px !important; border-radius: 6px; align-self: center; }
    pre { margin: 0; font: 16.5px/1.5 'DejaVu Sans Mono', monospace; }
    b { color: #8fd19e; font-weight: normal; }
    u { color: #8fd19e; background: #8fd19e; text-decoration: none; }
    i { color: #7cc4ff; font-style: normal; }
  </style>
  <div class="card terminal">
    <pre><b>$</b> npm run demo\n\n${coloured}</pre>
    <img src="${asData(drawing)}">
  </div>
  <div class="card"><img src="${asData(graphiql)}"></div>`;
}

async function photograph(html: string, url: string): Promise<Buffer> {
  await using browser = await openGraphiQL(url, { width: WIDTH, height: 600, scale: SCALE });
  await browser.page.setContent(html);
  return await browser.page.screenshot({ fullPage: true });
}

await using stack = new AsyncDisposableStack();
const folder = await mkdtemp(path.join(tmpdir(), 'switchyard-picture-'));
stack.defer(() => rm(folder, { recursive: true }));
// PostgreSQL's own user must be able to enter when this is run by root.
await chmod(folder, 0o755);
process.chdir(folder);
stack.defer(() => process.chdir('/'));

const terminal = createTerminal();
const stop = new AbortController();
const ended = demo.run([], {
  env: { DATA_DIR: path.join(folder, 'data'), PORT: process.env.PORT },
  stdin: process.stdin,
  stdout: terminal,
  stderr: process.stderr,
  signal: stop.signal,
});
stack.defer(async () => {
  stop.abort();
  await ended;
});
await Promise.race([terminal.shows('until Ctrl-C'), ended]);
const [, url = ''] = /Switchyard at (\S+),/.exec(terminal.screen) ?? [];
const [, token = ''] = /Bearer ([^"]+)"/.exec(terminal.screen) ?? [];
// What follows is for pasting, with a token in it.
const [screen = ''] = terminal.screen.split('\nHeaders');
const drawing = await readFile('demo-output/text-to-image.png');
const picture = await photograph(compose(screen, drawing, await photographGraphiQL(url, token)), url);
const small = sharp(picture).resize(FINAL_WIDTH).png({ palette: true, effort: 10 });
await writeFile(target, await small.toBuffer());
