import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { isDead } from '../../src/nodes/liveness.ts';
import { createNodeClient } from '../../src/nodes/protocols/http-client.ts';
import { freePort } from '../support/free-port.ts';
import { startOutsideNode } from '../support/outside-nodes.ts';

const clientOf = (url: string) => createNodeClient({ url: new URL(url), slots: 1 });

/** As a whole process does on a busy machine. */
const standStill = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

it('takes a node for dead at whose address nothing listens', async () => {
  const client = clientOf(`http://127.0.0.1:${await freePort()}`);
  expect(await isDead(client)).toBe(true);
  await client.close();
});

it('does not take a node for dead since its own process stood still while it asked', async () => {
  await using node = await startOutsideNode('OPENAI');
  const client = clientOf(node.url);
  const asking = isDead({
    ...client,
    async reach(signal) {
      // Of what is due after this, the timers come first.
      await nextTurn();
      const reached = client.reach(signal);
      // Longer than any of the limits for a connection.
      standStill(2_100);
      return reached;
    },
  });
  expect(await asking).toBe(false);
  await client.close();
});
