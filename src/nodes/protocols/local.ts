import type { NodeClient } from './client.ts';
import type { NodeProtocol } from './protocol.ts';

/** The worker itself, as a node: what it runs is in its own hands (see `LocalWork`), and it is always there. */
export const local: NodeProtocol<'LOCAL'> = {
  name: 'LOCAL',
  description: "Switchyard's own workers: the built-in node, which nobody registers",
  stop: 'disconnect',
  run: {},
  ready: async () => ({ ready: true }),
};

const nobody = (): never => {
  throw new Error('the built-in node has no address');
};

/** Nothing is sent to the worker itself. */
export const localClient: NodeClient = {
  url: new URL('local:'),
  token: null,
  request: nobody,
  download: nobody,
  socket: nobody,
  reach: async () => undefined,
  close: async () => undefined,
};
