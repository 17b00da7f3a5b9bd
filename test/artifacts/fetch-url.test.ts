import type { ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { fetchUrl } from '../../src/artifacts/fetch-url.ts';
import { MediaUnavailableError } from '../../src/artifacts/index.ts';
import { createUrlGuard } from '../../src/urls/index.ts';
import { serve } from './http-support.ts';

const unavailable = (message: string, retryable: boolean) =>
  expect.objectContaining({
    name: 'MediaUnavailableError',
    message: expect.stringContaining(message),
    retryable,
  });

function openFetcher({ allowHosts = [] as string[], timeoutMs = 10_000 } = {}) {
  const guard = createUrlGuard({ allowHosts });
  const never = new AbortController().signal;
  return {
    guard,
    fetch: (url: string, signal = never) => fetchUrl(url, { guard, maxBytes: 1_000, timeoutMs, signal }),
    [Symbol.asyncDispose]: () => guard.close(),
  };
}

/** A byte now and then, so that the connection never falls silent. */
function drip(response: ServerResponse): void {
  const timer = setInterval(() => response.write('x'), 20);
  response.once('close', () => clearInterval(timer));
}

test.each([
  ['http://127.0.0.1:1/'],
  ['http://2130706433/'],
  ['http://0x7f.1/'],
  ['http://localhost:1/'],
  ['http://10.0.0.1/'],
  ['http://172.31.255.255/'],
  ['http://192.168.1.1/'],
  ['http://169.254.169.254/latest/meta-data/'],
  ['http://100.64.0.1/'],
  ['http://0.0.0.0/'],
  ['http://224.0.0.1/'],
  ['http://255.255.255.255/'],
  ['http://[::1]/'],
  ['http://[::]/'],
  ['http://[::ffff:127.0.0.1]/'],
  ['http://[::ffff:10.0.0.1]/'],
  ['http://[::127.0.0.1]/'],
  ['http://[64:ff9b::127.0.0.1]/'],
  ['http://[2002:7f00:1::]/'],
  ['http://[fe80::1]/'],
  ['http://[fd00::1]/'],
  ['http://[ff02::1]/'],
  ['http://[2001:db8::1]/'],
])('%s is on no public network, and not fetched', async (url) => {
  await using fetcher = openFetcher();
  const fetching = fetcher.fetch(url);
  await expect(fetching).rejects.toEqual(unavailable('is not on the public internet', false));
});

test.each([['file:///etc/passwd'], ['ftp://192.0.2.1/x'], ['data:text/plain,x']])(
  '%s is no URL of the web',
  async (url) => {
    await using fetcher = openFetcher();
    const fetching = fetcher.fetch(url);
    await expect(fetching).rejects.toEqual(unavailable('must begin with http:// or https://', false));
  },
);

test('a redirect into the private network is not followed, by address or by name', async () => {
  await using inside = await serve((_request, response) => void response.end('secret'));
  await using server = await serve((request, response) => {
    const host = request.url === '/name' ? 'localhost' : '127.0.0.1';
    response.writeHead(307, { location: `http://${host}:${inside.port}/` }).end();
  });
  await using fetcher = openFetcher({ allowHosts: [server.host] });
  for (const way of ['/name', '/address']) {
    const fetching = fetcher.fetch(server.url + way);
    await expect(fetching).rejects.toEqual(unavailable('is not on the public internet', false));
  }
  expect(inside.paths).toEqual([]);
});

test('public addresses are let through', async () => {
  await using fetcher = openFetcher();
  for (const host of ['8.8.8.8', '[2606:4700:4700::1111]', '[::ffff:8.8.8.8]', 'example.com']) {
    await fetcher.guard.dispatcherFor(new URL(`https://${host}/`));
  }
});

test.each([
  ['/loop', 'redirects more than 5 times', false],
  ['/404', 'answered with status 404', false],
  ['/429', 'answered with status 429', true],
  ['/503', 'answered with status 503', true],
  ['/declared', 'larger than the limit of 1000 bytes', false],
  ['/streamed', 'larger than the limit of 1000 bytes', false],
  ['/empty', 'is empty', false],
  ['/reset', 'cannot be fetched', true],
  ['/hang', 'did not answer in full within 0.3 seconds', true],
  ['/drip', 'did not answer in full within 0.3 seconds', true],
])('of a URL that cannot be had (%s) the owner is told why: %s', async (way, message, retryable) => {
  await using server = await serve((request, response) => {
    if (request.url === '/loop') response.writeHead(302, { location: '/loop' }).end();
    else if (request.url === '/declared') response.writeHead(200, { 'content-length': 1_001 }).write('x');
    else if (request.url === '/streamed') response.write(Buffer.alloc(1_001));
    else if (request.url === '/empty') response.end();
    else if (request.url === '/reset') request.socket.destroy();
    else if (request.url === '/hang') response.write('x');
    else if (request.url === '/drip') drip(response);
    else response.writeHead(Number(request.url?.slice(1))).end('no');
  });
  await using fetcher = openFetcher({
    allowHosts: ['127.0.0.1'],
    timeoutMs: way === '/hang' || way === '/drip' ? 300 : 10_000,
  });
  const fetching = fetcher.fetch(server.url + way);
  await expect(fetching).rejects.toEqual(unavailable(message, retryable));
  await expect(fetching).rejects.toBeInstanceOf(MediaUnavailableError);
});

test('a server that is not there may be there later', async () => {
  await using fetcher = openFetcher({ allowHosts: ['127.0.0.1'] });
  const fetching = fetcher.fetch('http://127.0.0.1:1/');
  await expect(fetching).rejects.toEqual(unavailable('cannot be fetched (ECONNREFUSED)', true));
});

test('an aborted fetch ends with the reason it was aborted for', async () => {
  const controller = new AbortController();
  const reason = new Error('canceled');
  await using server = await serve(() => controller.abort(reason));
  await using fetcher = openFetcher({ allowHosts: ['127.0.0.1'] });
  await expect(fetcher.fetch(server.url, controller.signal)).rejects.toBe(reason);
  await expect(fetcher.fetch(server.url, controller.signal)).rejects.toBe(reason);
  expect(server.paths).toHaveLength(1);
});
