import { UncertainCommitError } from '../database/index.ts';
import { InvalidInputError } from '../errors.ts';

const MAX_TRIES = 5;

/** Repeats what can be repeated after a commit of which nobody knows whether it stands. */
export async function untilCertain<T>(write: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await write();
    } catch (error) {
      if (tries === MAX_TRIES || !(error instanceof UncertainCommitError)) throw error;
    }
  }
}

/** In the caller's terms what PostgreSQL refused. */
export function explain(error: unknown): unknown {
  const isArtifactGone =
    error instanceof Error && 'constraint' in error && error.constraint === 'task_artifact_artifact_id_fkey';
  if (!isArtifactGone) return error;
  return new InvalidInputError([
    { path: 'task', message: 'a file that it names was deleted; upload it again' },
  ]);
}
