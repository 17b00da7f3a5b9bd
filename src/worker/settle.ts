import { InvalidInputError } from '../errors.ts';
import { kindOf } from '../kinds/index.ts';
import type { MadeFile } from '../nodes/index.ts';
import type { AttemptEnd, Claimed } from '../tasks/index.ts';
import { isUnavailable } from '../unavailable.ts';
import { type Stored, storeFiles } from './files.ts';
import { AttemptFault, errorVerdict } from './outcome.ts';
import { persist } from './persist.ts';
import type { RunContext } from './types.ts';

/** Writes how an attempt ended. What the database will not take as a result becomes a failure. */
export async function settle(
  context: RunContext,
  claimed: Claimed,
  { end, gpuMs }: { end: AttemptEnd; gpuMs: number },
): Promise<'settled' | 'stale'> {
  const { lease, queueId } = claimed;
  const write = (what: AttemptEnd) =>
    persist(() => context.tasks.settle({ lease, queueId, gpuMs, end: what }), context);
  try {
    return await write(end);
  } catch (error) {
    if (end.type === 'failed' || context.gone.aborted) throw error;
    context.log.error({ err: error, taskId: lease.taskId }, 'a result could not be stored');
    return write(errorVerdict(claimed, error).end);
  }
}

/** For so long a file is held in memory for a store or a database that can't be reached. */
const KEPT_MS = 60_000;

/** A result is a row of the database, which whoever asks for the task loads whole; files are beside it. */
const MAX_RESULT_BYTES = 16 * 1024 * 1024;

function checkSize(result: unknown): void {
  const bytes = Buffer.byteLength(JSON.stringify(result));
  if (bytes <= MAX_RESULT_BYTES) return;
  const message = `the node's answer has ${bytes} bytes without its files, more than ${MAX_RESULT_BYTES}: so much must be a file`;
  throw new AttemptFault('BAD_NODE_ANSWER', message, null);
}

/**
 * Stores the files that a node made and checks the whole against the kind's output. Waits a while for a store that
 * can't be reached: what is made already need not be made again.
 * @throws AttemptFault
 */
export async function storeResult(
  { artifacts, gone, log }: Pick<RunContext, 'artifacts' | 'gone' | 'log'>,
  { kind, userId }: Claimed,
  made: unknown,
): Promise<Stored> {
  const patience = {
    log,
    gone: AbortSignal.any([gone, AbortSignal.timeout(KEPT_MS)]),
    isFinal: (error: unknown) => !isUnavailable(error),
  };
  const save = async ({ bytes, mimeType }: MadeFile): Promise<string> => {
    const file = { userId, bytes, mimeType, overQuota: true };
    try {
      return (await persist(() => artifacts.save(file), patience)).id;
    } catch (error) {
      if (error instanceof InvalidInputError) {
        throw new AttemptFault('BAD_NODE_ANSWER', `a file that the node made: ${error.message}`, error);
      }
      throw new AttemptFault('STORAGE_ERROR', 'what the node made could not be stored', error);
    }
  };
  const stored = await storeFiles(made, save);
  const output = kindOf(kind).output.safeParse(stored.result);
  if (!output.success) {
    throw new AttemptFault('BAD_NODE_ANSWER', 'the node answered something incomplete', output.error);
  }
  checkSize(output.data);
  return { ...stored, result: output.data };
}
