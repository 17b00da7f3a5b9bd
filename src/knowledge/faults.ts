import { NodeFault } from '../nodes/index.ts';
import { ConverterLostError } from './convert/converter.ts';
import { Refusal } from './convert/refusal.ts';

/** It will go no better however often it is tried. */
export const refused = (message: string, cause?: unknown): NodeFault =>
  new NodeFault(message, { side: 'task', code: 'NODE_REJECTED', sent: true, cause });

/** Another attempt may do better. Nothing speaks against the built-in node, which has many documents. */
export const failed = (message: string, cause?: unknown): NodeFault =>
  new NodeFault(message, { side: 'input', code: 'NODE_ERROR', sent: true, cause });

/** Nobody waits for the document any more. */
export const deleted = (): NodeFault =>
  refused('the document was deleted, or replaced by a newer one of its name');

/** What an attempt fails with by what went wrong in it. */
export function faultOf(error: unknown): unknown {
  if (error instanceof Refusal) return refused(`the document could not be read: ${error.message}`, error);
  if (error instanceof ConverterLostError)
    return failed('the process that read the document was lost', error);
  return error;
}
