import DataLoader from 'dataloader';
import type { Artifacts } from '../artifacts/index.ts';
import type { Artifact } from '../database/index.ts';
import { InvalidInputError } from '../errors.ts';

interface Wanted {
  readonly id: string;
  readonly path: string;
}

/** @throws InvalidInputError that names the path */
export type FindOwned = (wanted: Wanted) => Promise<Artifact>;

type Found = Artifact | InvalidInputError;

/** All of them, each by itself: what is wrong with one is nothing to the others. */
async function findEach(
  artifacts: Pick<Artifacts, 'requireOwned'>,
  userId: string,
  wanted: readonly Wanted[],
): Promise<Found[]> {
  const found = new Map<string, Found>();
  // Paths may be the same in different tasks: here each has one of its own.
  let rest = wanted.map(({ id }, n) => ({ id, path: String(n) }));
  while (rest.length > 0) {
    try {
      const rows = await artifacts.requireOwned(userId, rest);
      for (const [n, row] of rows.entries()) found.set(rest[n]?.path ?? '', row);
      break;
    } catch (error) {
      if (!(error instanceof InvalidInputError)) throw error;
      for (const { path, message } of error.issues) {
        found.set(path, new InvalidInputError([{ path: wanted[Number(path)]?.path ?? '', message }]));
      }
      const left = rest.filter(({ path }) => !found.has(path));
      if (left.length === rest.length) throw error;
      rest = left;
    }
  }
  return wanted.flatMap((_, n) => found.get(String(n)) ?? []);
}

/** Finds the user's artifacts; those that are asked for in one turn together. */
export function ownArtifacts(artifacts: Pick<Artifacts, 'requireOwned'>, userId: string): FindOwned {
  const loader = new DataLoader<Wanted, Artifact>((wanted) => findEach(artifacts, userId, wanted), {
    cache: false,
  });
  return (wanted) => loader.load(wanted);
}
