import { type ExecutionArgs, getOperationAST, Kind } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { Accounts } from '../../accounts/index.ts';
import { RefusedError } from '../../errors.ts';
import { FOR_SIGNED_OUT } from '../../schema/index.ts';
import type { ServerContext } from '../server-context.ts';

/** Whether it asks for nothing but what people do who have no good credential, such as a login. */
function isForSignedOut({ schema, document, operationName }: ExecutionArgs): boolean {
  const operation = getOperationAST(document, operationName);
  const fields = schema.getMutationType()?.getFields() ?? {};
  if (operation?.operation !== 'mutation') return false;
  return operation.selectionSet.selections.every(
    (selection) =>
      selection.kind === Kind.FIELD && fields[selection.name.value]?.extensions[FOR_SIGNED_OUT] === true,
  );
}

function check({ args }: { args: ExecutionArgs }): void {
  const { refusal } = args.contextValue as ServerContext;
  if (refusal !== undefined && !isForSignedOut(args)) throw refusal;
}

/**
 * Finds out who asks, before anything of the body is read. A credential that is not good refuses the request,
 * unless it is to get a better one: clients send what they have with every request.
 */
export function useIdentity(accounts: Accounts): Plugin<object, ServerContext> {
  return {
    async onRequestParse({ request, serverContext }) {
      try {
        serverContext.viewer = await accounts.authenticate(request.headers.get('authorization'));
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
