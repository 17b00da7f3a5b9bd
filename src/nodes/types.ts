import type { GpuNode } from '../database/index.ts';
import type { KindName } from '../kinds/index.ts';

export interface Offer {
  readonly kind: KindName;
  readonly models: readonly string[];
}

/** What makes a node. */
export interface NodeInput {
  readonly name: string;
  readonly url: string;
  /** As in the GraphQL enum, or in lower case with dashes. */
  readonly protocol: string;
  readonly slots?: number | null | undefined;
  readonly offers: readonly { readonly kind: string; readonly models: readonly string[] }[];
  /** Sent to the node as a bearer token. */
  readonly token?: string | null | undefined;
}

/** What a node says of itself, again and again. */
export interface Heartbeat extends Omit<NodeInput, 'token'> {
  /** By the names of its offers; left out where it does not know. */
  readonly loadedModels?: readonly string[] | null | undefined;
  /** It takes nothing new, and is removed once it is idle. */
  readonly leaving?: boolean | null | undefined;
}

/** What is left out stays as it is; a token of null is taken away. */
export type NodeChanges = {
  readonly [Name in 'url' | 'slots' | 'offers' | 'token']?: NodeInput[Name] | undefined;
};

export type NodeStatus = 'HEALTHY' | 'UNHEALTHY' | 'DRAINING' | 'DRAINED' | 'REMOVED';

/** A model that some registered node offers. Slots are those of nodes that can take work now. */
export interface OfferedModel {
  readonly kind: KindName;
  readonly name: string;
  readonly isDefault: boolean;
  readonly slots: number;
  readonly freeSlots: number;
}

/** A node's row with its offers as they are. */
export interface RegisteredNode extends Omit<GpuNode, 'offers'> {
  readonly offers: readonly Offer[];
}

/** What an operator sees of a node's state. */
export function statusOf(node: Pick<GpuNode, 'state' | 'healthy'>, busySlots: number): NodeStatus {
  switch (node.state) {
    case 'REMOVED':
      return 'REMOVED';
    case 'DRAINING':
      return busySlots > 0 ? 'DRAINING' : 'DRAINED';
    case 'ACTIVE':
      return node.healthy ? 'HEALTHY' : 'UNHEALTHY';
    default:
      return node.state satisfies never;
  }
}
