import { describe, expect, it } from 'vitest';
import { download } from '../../../src/nodes/protocols/support/download.ts';
import { clientOf, faultOf } from './calls.ts';
import { startNode } from './node.ts';

const options = { signal: AbortSignal.timeout(10_000), maxBytes: 1024 };

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
});
