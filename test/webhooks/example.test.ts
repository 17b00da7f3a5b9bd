import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createReceiver, type Told } from '../../examples/webhooks/receiver.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

async function start(handle: (told: Told) => void) {
  const logging = vi.spyOn(console, 'error').mockReturnValue();
  onTestFinished(() => logging.mockRestore());
  const server = createReceiver(SECRET, handle);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;

  async function send(id: string): Promise<number> {
    const at = new Date();
    const body = JSON.stringify({ type: 'task.succeeded', timestamp: at.toISOString(), data: {} });
    const headers = {
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': new Webhook(SECRET).sign(id, at, body),
    };
    return (await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', headers, body })).status;
  }
  return { server, port, send };
}

test('a receiver outlives a sender that goes away in the middle', async () => {
  const told: string[] = [];
  const { server, port, send } = await start(({ id }) => told.push(id));
  const socket = connect(port, '127.0.0.1');
  socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{');
  const [request] = await once(server, 'request');
  socket.destroy();
  await once(request, 'error');
  expect(await send('task_1_1')).toBe(204);
  expect(told).toEqual(['task_1_1']);
});

test('an event that a receiver fails to handle comes again', async () => {
  let isDown = true;
  const told: string[] = [];
  const { send } = await start(({ id }) => {
    if (isDown) throw new Error('no room to note it');
    told.push(id);
  });
  expect(await send('task_1_2')).toBe(500);
  isDown = false;
  expect([await send('task_1_2'), await send('task_1_2')]).toEqual([204, 204]);
  expect(told).toEqual(['task_1_2']);
});
