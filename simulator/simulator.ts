import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ProtocolName } from '../src/nodes/protocols/index.ts';
import type { SimulatedCall } from './calls.ts';
import { SimulatedNode } from './node.ts';
import { simulatedProtocols } from './protocols/index.ts';
import { defaultSettings, type Failure, type SimulatorSettings } from './settings.ts';

export interface SimulatorOptions extends Partial<SimulatorSettings> {
  readonly protocol: ProtocolName;
  /** 0, which is the default, takes a free one. */
  readonly port?: number;
  readonly host?: string;
}

/** A node that only seems to have a GPU: it draws and transcribes by simple tricks, and fails as told. */
export interface Simulator extends AsyncDisposable {
  readonly protocol: ProtocolName;
  /** Stays the same over `refuseConnections` and `acceptConnections`. */
  readonly url: string;
  readonly settings: SimulatorSettings;
  /** Changes the given settings, for calls under way too where they still matter. */
  set(changes: Partial<SimulatorSettings>): void;
  /** The next calls for work fail so, in order. */
  failNext(failure: Failure, times?: number): void;
  /** Calls for work, readiness checks and downloads left out. */
  readonly history: readonly SimulatedCall[];
  /** The call of that number, from 1, once it has come. */
  received(number: number): Promise<SimulatedCall>;
  /** Calls not ended. */
  readonly inFlight: number;
  /** As a machine that went down: drops every connection and accepts none; what was under way is lost. */
  refuseConnections(): Promise<void>;
  acceptConnections(): Promise<void>;
  close(): Promise<void>;
}

/** Starts a simulated node that listens on 127.0.0.1 unless told otherwise. */
export async function createSimulator(options: SimulatorOptions): Promise<Simulator> {
  const { protocol, host = '127.0.0.1', port = 0, ...settings } = options;
  const node = new SimulatedNode(simulatedProtocols[protocol], { ...defaultSettings, ...settings });
  let server = await listen(node, host, port);
  const { port: taken } = server.address() as AddressInfo;
  const stop = async () => {
    if (server.listening) await closeServer(server);
    await node.reset();
  };
  return {
    protocol,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${taken}`,
    get settings() {
      return node.settings;
    },
    set: (changes) => node.set(changes),
    failNext: (failure, times = 1) => node.failNext(failure, times),
    history: node.calls.history,
    received: (number) => node.calls.received(number),
    get inFlight() {
      return node.calls.inFlight;
    },
    refuseConnections: stop,
    async acceptConnections() {
      if (!server.listening) server = await listen(node, host, taken);
    },
    close: stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function listen(node: SimulatedNode, host: string, port: number): Promise<Server> {
  const server = createServer((incoming, response) => void node.handle(incoming, response));
  server.on('upgrade', (incoming, socket, head) => node.upgrade(incoming, socket, head));
  server.listen(port, host);
  await once(server, 'listening');
  return server;
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
