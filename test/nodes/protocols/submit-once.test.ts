import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import type { RemoteJob } from '../../../src/nodes/protocols/protocol.ts';
import { submitOnce } from '../../../src/nodes/protocols/support/submit-once.ts';

afterEach(() => {
  vi.useRealTimers();
});

/** What became of a submission, as the next attempt finds it. */
function createRemote(): RemoteJob & { kept: string | null } {
  return {
    kept: null,
    handle: null,
    isOverdue: false,
    submitting: async () => undefined,
    async keep(handle) {
      this.kept = handle;
    },
    forget: async () => undefined,
  };
}

it('keeps the job of an answer that came while its process stood still, though the time for it is over', async () => {
  const stopping = new AbortController();
  await using server = createServer((_, response) => {
    response.end('job-7');
    stopping.abort(new Error('the worker is stopped'));
    // Before the answer is read, and long after.
    setImmediate(() => vi.advanceTimersByTime(60_000));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const remote = createRemote();
  const submitting = submitOnce({ remote, signal: stopping.signal }, async (signal) =>
    (await fetch(`http://127.0.0.1:${port}`, { signal, headers: { connection: 'close' } })).text(),
  );
  expect(await submitting).toBe('job-7');
  expect(remote.kept).toBe('job-7');
});
