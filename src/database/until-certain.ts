import { UncertainCommitError } from './lanes.ts';

const MAX_TRIES = 5;

/**
 * Repeats what can be repeated after a commit of which nobody knows whether it stands.
 * @throws what `write` threw; UncertainCommitError where that came five times
 */
export async function untilCertain<T>(write: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await write();
    } catch (error) {
      if (tries === MAX_TRIES || !(error instanceof UncertainCommitError)) throw error;
    }
  }
}
