import { z } from 'zod';

/** Of PostgreSQL, Prisma and Node: nothing is wrong with what was asked, but who was asked can't be reached. */
const codes =
  /^(08|53|55P03|57014|57P0|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EPIPE|P1001|P1002|P1008|P1017|P2024|P2028)/;
const messages =
  /timeout exceeded when trying to connect|^timeout expired$|Connection terminated|connection was lost|is not queryable/;

/** Prisma keeps PostgreSQL's own code far below its own. */
const prismaError = z.object({
  meta: z.object({ driverAdapterError: z.object({ cause: z.object({ originalCode: z.string() }) }) }),
});

/** Of an object store that answers, but does not serve. */
const storeError = z.object({ $metadata: z.object({ httpStatusCode: z.int().min(500) }) });

/** Whether the database or the store of files can't be reached just now: the same may work in a moment. */
export function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const ownCode = 'code' in error ? String(error.code) : '';
  const innerCode = prismaError.safeParse(error).data?.meta.driverAdapterError.cause.originalCode ?? '';
  if (codes.test(ownCode) || codes.test(innerCode)) return true;
  if (error.name === 'TimeoutError' || storeError.safeParse(error).success) return true;
  return messages.test(error.message) || isUnavailable(error.cause);
}
