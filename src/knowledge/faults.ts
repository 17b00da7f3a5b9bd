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

/** Vectors of different lengths are of different models: what was embedded for the document is of no use. */
export class UnlikeVectorsError extends Error {
  override readonly name = 'UnlikeVectorsError';

  constructor(found: number, expected: number, nodeName: string | null = null) {
    const who = nodeName === null ? 'the embedding model' : `the node "${nodeName}"`;
    super(
      `${who} answered vectors of ${found} numbers, where the others of this knowledge base have ${expected}: it has ` +
        'another model under the name. Have its operator mend that and retry, or make a new knowledge base',
    );
  }
}

/** What an attempt fails with by what went wrong in it. */
export function faultOf(error: unknown): unknown {
  if (error instanceof Refusal) return refused(`the document could not be read: ${error.message}`, error);
  if (error instanceof UnlikeVectorsError) return refused(error.message, error);
  if (error instanceof ConverterLostError)
    return failed('the process that read the document was lost', error);
  return error;
}
