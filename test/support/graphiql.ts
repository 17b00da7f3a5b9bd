import type { Page } from 'playwright-core';
import { launchChromium } from './chromium.ts';

/** GraphiQL in a browser that reaches this machine alone. */
export interface GraphiQL extends AsyncDisposable {
  readonly page: Page;
  /** Every URL that was asked for, sockets included, refused ones too. */
  readonly requested: readonly string[];
  /** What went wrong in the page. */
  readonly errors: readonly string[];
  /** Pastes into the headers editor. */
  setHeaders(headers: Record<string, string>): Promise<void>;
  /** Pastes an operation in place of the last one, and runs it. */
  run(operation: string): Promise<void>;
  /** The result pane's text, with every run of white space as one space. */
  result(): Promise<string>;
}

export interface GraphiQLOptions {
  readonly width?: number;
  readonly height?: number;
  /** Device pixels for each of the page's. */
  readonly scale?: number;
}

/** Opens the endpoint in Debian's Chromium, without a window. @param url of the server */
export async function openGraphiQL(url: string, options: GraphiQLOptions = {}): Promise<GraphiQL> {
  const browser = await launchChromium();
  const { width = 1400, height = 900, scale = 1 } = options;
  const page = await browser.newPage({ viewport: { width, height }, deviceScaleFactor: scale });
  const requested: string[] = [];
  const errors: string[] = [];
  page.on('request', (request) => requested.push(request.url()));
  page.on('websocket', (socket) => requested.push(socket.url()));
  page.on('pageerror', ({ message }) => errors.push(message));
  await page.goto(`${url}/graphql`);
  await page.getByLabel('Operation Editor').locator('.view-line').first().waitFor();

  // Typed text would get a second bracket for each that it opens.
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  async function paste(editor: string, text: string): Promise<void> {
    await page.locator(`${editor} .view-lines`).click();
    await page.evaluate((copied) => navigator.clipboard.writeText(copied), text);
    await page.keyboard.press('Control+A');
    await page.keyboard.press('Control+V');
  }

  return {
    page,
    requested,
    errors,
    async setHeaders(headers) {
      await page.getByRole('button', { name: 'Headers', exact: true }).click();
      await paste('[data-uri$="request-headers.json"]', JSON.stringify(headers));
    },
    async run(operation) {
      await paste('[data-uri$="operation.graphql"]', operation);
      // What was edited is known to GraphiQL a moment later, and then stands in the address.
      await page.waitForURL(({ searchParams }) => searchParams.get('query') === operation);
      await page.keyboard.press('Control+Enter');
    },
    async result() {
      const lines = await page.getByLabel('Result Window').locator('.view-lines').innerText();
      return lines.replaceAll(/\s+/g, ' ').trim();
    },
    [Symbol.asyncDispose]: () => browser.close(),
  };
}
