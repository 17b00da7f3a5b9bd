import { describe, expect, it } from 'vitest';
import { download } from '../../../src/nodes/protocols/support/download.ts';
import { createUrlGuard } from '../../../src/urls/index.ts';
import { clientOf, faultOf } from './calls.ts';
import { startNode } from './node.ts';

const options = { signal: new AbortController().signal, maxBytes: 1024 };

async function fetched(link: string) {
  await using server = await startNode((path, response) => {
    response.writeHead(path === '/out/fox.png' ? 200 : 404).end('a fox');
  });
  await using node = clientOf(`${server.url}/api/`);
  return (await download(node, link.replace('SELF', server.url), options)).text();
}

describe('a file that an answer names', () => {
  it.each(['SELF/out/fox.png', '/out/fox.png', '../out/fox.png'])('by %s is fetched', async (link) => {
    expect(await fetched(link)).toBe('a fox');
  });

  it.each([
    ['file:///etc/passwd', 'names a file by no URL'],
    ['http://', 'names a file by no URL'],
    ['/out/wolf.png', "names a file that can't be had (404)"],
    ['http://127.0.0.1:1/fox.png', 'names a file on another host'],
  ])('by %s is none', async (link, what) => {
    const message = `the node's answer ${what}`;
    expect(await faultOf(fetched(link))).toMatchObject({ side: 'node', code: 'BAD_NODE_ANSWER', message });
  });

  it('is fetched over redirects, each of them checked, and the token is for the node alone', async () => {
    const guard = createUrlGuard({ allowHosts: [] });
    await using store = await startNode((_, response) => response.end('a fox'));
    await using server = await startNode((path, response) => {
      const there = path === '/out' ? store.url : 'http://localhost:1';
      response.writeHead(302, { location: path === '/loop' ? '/loop' : `${there}/signed?key=1` }).end();
    });
    await using node = clientOf(server.url, { token: 'secret', checkUrl: guard.dispatcherFor });
    // Another port of the node's own host.
    expect((await download(node, '/out', options)).text()).toBe('a fox');
    expect(store.asked).toMatchObject([{ path: '/signed?key=1' }]);
    expect(store.asked[0]?.headers).not.toHaveProperty('authorization');
    expect(await faultOf(download(node, '/loop', options))).toMatchObject({
      message: "the node's answer names a file that redirects more than 5 times",
    });
    expect(await faultOf(download(node, '/elsewhere', options))).toMatchObject({
      message: "the node's answer names a file that may not be fetched",
    });
    await guard.close();
  });
});
