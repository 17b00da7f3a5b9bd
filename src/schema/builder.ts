import SchemaBuilder from '@pothos/core';
import ComplexityPlugin from '@pothos/plugin-complexity';
import DataloaderPlugin from '@pothos/plugin-dataloader';
import ErrorsPlugin from '@pothos/plugin-errors';
import PrismaPlugin from '@pothos/plugin-prisma';
import RelayPlugin from '@pothos/plugin-relay';
import ScopeAuthPlugin from '@pothos/plugin-scope-auth';
import { isAdmin, isOperator } from '../accounts/index.ts';
import { RefusedError } from '../errors.ts';
import { decodeAnyId, encodeId, type IdType, LOWEST_ID } from '../ids.ts';
import type { Context, NodeContext, SignedInContext } from './context.ts';
import { getDatamodel, type default as PrismaTypes } from './generated/pothos.ts';
import { mayBeRefetched } from './refetch.ts';

export interface Upload {
  readonly name: string;
  readonly type: string;
  readonly size: number;
  stream(): ReadableStream<Uint8Array>;
}

export interface SchemaTypes {
  Context: Context;
  PrismaTypes: PrismaTypes;
  DefaultFieldNullability: false;
  DefaultEdgesNullability: false;
  DefaultNodeNullability: false;
  AuthScopes: { signedIn: boolean; operator: boolean; admin: boolean; node: boolean };
  AuthContexts: {
    signedIn: SignedInContext;
    operator: SignedInContext;
    admin: SignedInContext;
    node: NodeContext;
  };
  Scalars: {
    ID: { Input: string; Output: string };
    DateTime: { Input: Date; Output: Date };
    JSON: { Input: unknown; Output: unknown };
    JSONObject: { Input: Record<string, unknown>; Output: object };
    URL: { Input: string; Output: string };
    File: { Input: Upload; Output: never };
  };
}

/** What pages of lists have, whatever they list. */
const pages = {
  beforeArgOptions: { description: 'Only what comes before this cursor' },
  afterArgOptions: { description: 'Only what comes after this cursor' },
  firstArgOptions: { description: 'So many from the beginning; 1 to 100; default: 20' },
  lastArgOptions: { description: 'So many from the end; 1 to 100' },
  pageInfoFieldOptions: { description: 'Where this page is in the list' },
  hasNextPageFieldOptions: { description: 'Whether something comes after this page' },
  hasPreviousPageFieldOptions: { description: 'Whether something comes before this page' },
  startCursorFieldOptions: { description: 'Of the first on this page' },
  endCursorFieldOptions: { description: 'Of the last on this page: what after takes for the next one' },
  cursorFieldOptions: { description: 'Its place in the list, which stays whatever comes or goes around it' },
  nodeFieldOptions: { description: 'What is there' },
};

/** What every file of the schema adds its types to. */
export const builder = new SchemaBuilder<SchemaTypes>({
  // Errors first: it has to see what the others throw.
  plugins: [ErrorsPlugin, ScopeAuthPlugin, RelayPlugin, PrismaPlugin, DataloaderPlugin, ComplexityPlugin],
  defaultFieldNullability: false,
  // The cost is judged before an operation starts (http/plugins/limits.ts); fields only bear what they cost.
  complexity: { disabled: true, defaultComplexity: 1, defaultListMultiplier: 5 },
  errors: { directResult: true },
  prisma: { client: (context) => context.services.database.prisma, dmmf: getDatamodel() },
  relay: {
    cursorType: 'String',
    // Only types of that table are nodes: see refetch.ts.
    encodeGlobalID: (typename, id) => encodeId(typename as IdType, String(id)),
    // What is no id of ours is looked for and not found, as any other that does not exist.
    decodeGlobalID: (id) => {
      const { type, uuid } = decodeAnyId(id) ?? { type: 'Task', uuid: LOWEST_ID };
      return { typename: type, id: uuid };
    },
    idFieldOptions: { description: 'Unique among everything' },
    nodeTypeOptions: { description: 'Relay. Ids are TypeIDs: task_01h…, user_…, node_…, artifact_…' },
    ...pages,
    nodeQueryOptions: {
      description: "Anything by its id; null where it does not exist or is not the caller's",
      args: { id: { description: 'A TypeID' } },
      authScopes: { signedIn: true },
      resolve: async (_root, { id }, context, _info, load) =>
        mayBeRefetched(id.typename, await load(id), context),
    },
    nodesQueryOptions: {
      description: 'As node, for many at once and in their order',
      args: { ids: { description: 'TypeIDs' } },
      authScopes: { signedIn: true },
      complexity: ({ ids }) => ({ multiplier: ids.length }),
      resolve: async (_root, { ids }, context, _info, load) => {
        const loaded = await Promise.all(await load(ids));
        return ids.map(({ typename }, index) => mayBeRefetched(typename, loaded[index], context));
      },
    },
    // What a connection costs is counted with the connection itself.
    edgesFieldOptions: { complexity: { field: 1, multiplier: 1 }, description: 'What is on this page' },
  },
  scopeAuth: {
    authorizeOnSubscribe: true,
    unauthorizedError: (_parent, { viewer }) =>
      viewer === null
        ? new RefusedError(
            'UNAUTHENTICATED',
            'sign in first: send Authorization: Bearer <access token or API key>',
          )
        : new RefusedError('FORBIDDEN', `the role ${viewer.role} may not do this`),
    authScopes: ({ viewer, nodeTokenId }) => ({
      signedIn: viewer !== null,
      operator: viewer !== null && isOperator(viewer),
      admin: viewer !== null && isAdmin(viewer),
      node: nodeTokenId !== null,
    }),
  },
});

builder.queryType({});
builder.mutationType({});
builder.subscriptionType({});
