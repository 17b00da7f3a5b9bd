import { once } from 'node:events';
import { openAsBlob } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { multipart } from '../../../src/nodes/protocols/support/multipart.ts';
import { clientOf, faultOf } from './calls.ts';
import { nodeAnswering, startNode } from './node.ts';

const { signal } = new AbortController();

/** A server that writes these bytes to whoever connects and hangs up. */
async function rawServer(text: string): Promise<{ url: string } & AsyncDisposable> {
  const server = createServer((socket) => socket.once('data', () => socket.end(text)).on('error', () => {}));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.close();
    },
  };
}

describe('the node client', () => {
  it('tells an unknown host from one that had the request', async () => {
    await using node = clientOf('http://node.invalid:9000');
    const fault = await faultOf(node.request({ method: 'GET', path: '/', signal }));
    expect(fault).toMatchObject({ side: 'node', code: 'NODE_UNREACHABLE', sent: false });
    expect(fault.message).not.toContain('node.invalid');
  });

  it('calls an answer that is no HTTP a bad one', async () => {
    await using server = await rawServer('SSH-2.0-OpenSSH_9.2\r\n');
    await using node = clientOf(server.url);
    const fault = await faultOf(node.request({ method: 'GET', path: '/', signal }));
    expect(fault).toMatchObject({ side: 'node', code: 'BAD_NODE_ANSWER', sent: true });
  });

  it('calls a connection closed without an answer a lost node', async () => {
    await using server = await rawServer('');
    await using node = clientOf(server.url);
    const fault = await faultOf(node.request({ method: 'GET', path: '/', signal }));
    expect(fault).toMatchObject({ side: 'node', code: 'NODE_UNREACHABLE', sent: true });
  });

  it('calls a chunked answer without its end cut short', async () => {
    await using server = await rawServer(
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n',
    );
    await using node = clientOf(server.url);
    const fault = await faultOf(node.request({ method: 'GET', path: '/', signal }));
    expect(fault).toMatchObject({ code: 'BAD_NODE_ANSWER', message: "the node's answer was cut short" });
  });

  it('refuses an answer longer than the bound, announced or not', async () => {
    await using announced = await rawServer('HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n');
    await using found = await rawServer('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello world');
    for (const { url } of [announced, found]) {
      await using node = clientOf(url);
      const fault = await faultOf(node.request({ method: 'GET', path: '/', signal, maxBytes: 10 }));
      expect(fault).toMatchObject({
        code: 'BAD_NODE_ANSWER',
        message: "the node's answer is longer than 10 bytes",
      });
      const answer = node.request({ method: 'GET', path: '/', signal, maxBytes: 11 });
      if (url === found.url) expect((await answer).text()).toBe('hello world');
      else expect((await faultOf(answer)).message).toContain('cut short');
    }
  });

  it('rejects with any reason that a signal has, and while it still waits for a connection', async () => {
    await using server = await startNode(() => {});
    await using node = clientOf(server.url, { slots: 1 });
    const calls = Array.from({ length: 5 }, () => {
      const stop = new AbortController();
      const call = node.request({ method: 'GET', path: '/', signal: stop.signal });
      return { call, stop };
    });
    for (const { call, stop } of calls.reverse()) {
      stop.abort('a reason that is no error');
      await expect(call).rejects.toBe('a reason that is no error');
    }
  });

  it('streams a multipart form with its length, and escapes its names', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'switchyard-form-'));
    const file = path.join(folder, 'sound.bin');
    await writeFile(file, Buffer.alloc(300_000, 7));
    await using server = await nodeAnswering('ok');
    await using node = clientOf(server.url);
    const fileName = 'a "quoted"\r\nname: ü.wav';
    const part = { blob: await openAsBlob(file), fileName, mimeType: 'audio/wav' };
    const form = multipart({ language: 'de', prompt: undefined, 'kinds[]': ['a', 'b'], file: part });
    await node.request({ method: 'POST', path: '/', body: form, signal });

    const [asked] = server.asked;
    expect(asked?.headers).toMatchObject({ 'content-length': String(form.size), 'content-type': form.type });
    const body = new Uint8Array(asked?.body ?? []);
    const parsed = await new Response(body, { headers: { 'content-type': form.type } }).formData();
    expect([...parsed.keys()]).toEqual(['language', 'kinds[]', 'kinds[]', 'file']);
    expect(parsed.getAll('kinds[]')).toEqual(['a', 'b']);
    expect(parsed.get('file')).toMatchObject({ size: 300_000, type: 'audio/wav' });

    await rm(folder, { recursive: true });
    const fault = await faultOf(node.request({ method: 'POST', path: '/', body: form, signal }));
    expect(fault).toMatchObject({ side: 'input', code: 'INPUT_UNAVAILABLE' });
  });

  it('reaches a server that listens, whatever it speaks', async () => {
    await using server = await rawServer('');
    await using node = clientOf(server.url);
    await node.reach(signal);
    await expect(node.reach(AbortSignal.abort(new Error('stopped')))).rejects.toThrow('stopped');
  });
});
