/** What was read has changed before it could be locked. */
export class SupersededError extends Error {
  override readonly name = 'SupersededError';

  constructor() {
    super('the task kept changing');
  }
}

const MAX_TRIES = 10;

/** Repeats work that reads, decides and writes, while others come in between. */
export async function untilCurrent<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof SupersededError) || tries === MAX_TRIES) throw error;
    }
  }
}
