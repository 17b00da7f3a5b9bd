import type { KindName } from '../kinds/index.ts';
import type { Tracing } from '../tracing/index.ts';
import type { ConnectedNode, Nodes } from './index.ts';
import type { Call, MadeByKind, NodeClient, NodeProtocol } from './protocols/index.ts';

/** Tells the node which span calls it. */
function traceClient(client: NodeClient, tracing: Tracing): NodeClient {
  return {
    ...client,
    request(request) {
      const traceparent = tracing.active;
      if (traceparent === undefined) return client.request(request);
      return client.request({ ...request, headers: { traceparent, ...request.headers } });
    },
  };
}

type Run<K extends KindName> = (call: Call<K>) => Promise<MadeByKind[K]>;

/** A connected node whose calls are spans, and bear their context to the node. */
function traceNode(node: ConnectedNode, tracing: Tracing): ConnectedNode {
  const traced = <K extends KindName>(kind: string, run: Run<K>): Run<K> => {
    const attributes = {
      'switchyard.node': node.name,
      'switchyard.protocol': node.protocol.name,
      'switchyard.kind': kind,
      'server.address': node.client.url.hostname,
    };
    return (call) => tracing.span('call node', { kind: 'client', attributes }, () => run(call));
  };
  const run = Object.fromEntries(
    Object.entries(node.protocol.run).map(([kind, one]) => [kind, traced(kind, one as Run<KindName>)]),
  ) as NodeProtocol['run'];
  return { ...node, protocol: { ...node.protocol, run }, client: traceClient(node.client, tracing) };
}

/** The same nodes, with spans for the calls that are made to them. */
export function traceNodes(nodes: Nodes, tracing: Tracing): Nodes {
  return { ...nodes, connect: async (id) => traceNode(await nodes.connect(id), tracing) };
}
