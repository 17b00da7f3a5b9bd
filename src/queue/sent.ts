import type { Transaction } from '../database/index.ts';

/** A statement that has been sent; whatever is sent next comes after it. */
export interface Sent<T> {
  /** Rejects as the statement does. It need not be awaited: a statement that fails rolls back all the same. */
  readonly answer: Promise<T>;
}

/**
 * Lets pg-boss issue its statement in a transaction. pg-boss sends some microtasks after it is called, so
 * that what is sent behind the call would overtake it: this resolves when the statement is on its way.
 * @throws where pg-boss gave up before it had sent anything
 */
export async function send<T>(
  tx: Transaction,
  call: (db: Pick<Transaction, 'executeSql'>) => Promise<T>,
): Promise<Sent<T>> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const answer = call({
    executeSql(text, values) {
      const result = tx.executeSql(text, values);
      resolve();
      return result;
    },
  });
  // After `resolve` this is without effect, and the failure is the transaction's.
  answer.catch(reject);
  await promise;
  return { answer };
}

/** The same statement's answer in another form. */
export function map<T, R>({ answer }: Sent<T>, change: (value: T) => R): Sent<R> {
  const changed = answer.then(change);
  changed.catch(() => undefined);
  return { answer: changed };
}
