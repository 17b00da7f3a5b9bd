import { type ExecutionArgs, getOperationAST, Kind } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { Accounts } from '../../accounts/index.ts';
import { RefusedError } from '../../errors.ts';
import { isNodeSecret, type Nodes } from '../../nodes/index.ts';
import { FOR_NODES, FOR_SIGNED_OUT } from '../../schema/index.ts';
import type { ServerContext } from '../server-context.ts';

/** Whether it asks for nothing but mutations that bear that extension. */
function isOnly(extension: string, { schema, document, operationName }: ExecutionArgs): boolean {
  const operation = getOperationAST(document, operationName);
  const fields = schema.getMutationType()?.getFields() ?? {};
  if (operation?.operation !== 'mutation') return false;
  return operation.selectionSet.selections.every(
    (selection) =>
      selection.kind === Kind.FIELD && fields[selection.name.value]?.extensions[extension] === true,
  );
}

function check({ args }: { args: ExecutionArgs }): void {
  const { refusal, nodeTokenId } = args.contextValue as ServerContext;
  const allowed = nodeTokenId == null ? FOR_SIGNED_OUT : FOR_NODES;
  if (refusal !== undefined && !isOnly(allowed, args)) throw refusal;
}

export interface IdentityOptions {
  readonly accounts: Pick<Accounts, 'authenticate'>;
  readonly nodes: Pick<Nodes, 'tokens'>;
}

/** @throws RefusedError for a token that is not good (any more) */
async function identifyNode(tokens: Nodes['tokens'], secret: string, context: ServerContext): Promise<void> {
  const token = await tokens.find(secret);
  if (!token)
    throw new RefusedError('UNAUTHENTICATED', 'the node token is not valid: it has expired, or was replaced');
  context.nodeTokenId = token.id;
  context.refusal = new RefusedError(
    'FORBIDDEN',
    'a node token is good for nodeHeartbeat, and for nothing else',
  );
}

/**
 * Finds out who asks, before anything of the body is read. A credential that is not good refuses the request,
 * unless it is to get a better one: clients send what they have with every request.
 */
export function useIdentity({ accounts, nodes }: IdentityOptions): Plugin<object, ServerContext> {
  return {
    async onRequestParse({ request, serverContext }) {
      const authorization = request.headers.get('authorization');
      const [, secret = ''] = /^Bearer +(\S+)\s*$/i.exec(authorization ?? '') ?? [];
      if (isNodeSecret(secret)) return identifyNode(nodes.tokens, secret, serverContext);
      try {
        serverContext.viewer = await accounts.authenticate(authorization);
      } catch (error) {
        const isJson = request.headers.get('content-type')?.startsWith('application/json') ?? false;
        if (!(error instanceof RefusedError) || !isJson) throw error;
        serverContext.refusal = error;
      }
    },
    onExecute: check,
    onSubscribe: check,
  };
}
