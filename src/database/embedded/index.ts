import { mkdir, readFile, realpath } from 'node:fs/promises';
import path from 'node:path';
import type { Log } from '../../log.ts';
import { findBinaries } from './binaries.ts';
import { openCluster, passwordFile } from './cluster.ts';
import { findIdentity } from './identity.ts';
import { lockFolder } from './lock.ts';
import { findPlace, notedPlace, notePlace, OUTSIDE } from './place.ts';
import { clearLeftovers, findPostmaster } from './postmaster.ts';
import { type ServerOptions, startServer } from './server.ts';
import { keepRunning } from './supervisor.ts';

export interface EmbeddedPostgres {
  /** Of the database `postgres`, with the password in it. */
  readonly url: string;
  /** Stops the server and gives the folder free. */
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  /** Of this server alone; made where it is missing. */
  readonly folder: string;
  readonly log: Log;
  /** False, for tests: faster, and a crash of the machine may lose everything. */
  readonly durable?: boolean;
  /** Where the cluster goes when this process is root and PostgreSQL's user cannot enter `folder`. */
  readonly outside?: string;
}

function urlOf(port: number, password: string): string {
  return `postgresql://postgres:${password}@127.0.0.1:${port}/postgres`;
}

/**
 * Starts the embedded PostgreSQL whose cluster is in `folder`, made where it is missing; a server that a killed
 * process left running there is stopped first. It listens on a free port of 127.0.0.1, and is started again
 * should it die.
 * @throws where another server has the folder, or PostgreSQL cannot run here; the message says what to do
 */
export async function startEmbeddedPostgres({
  folder,
  log,
  durable = true,
  outside = OUTSIDE,
}: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  await mkdir(folder, { recursive: true });
  const home = await realpath(folder);
  const lock = await lockFolder(home);
  try {
    const { options, password } = await prepare({ folder: home, log, durable, outside });
    const server = keepRunning(options, await startServer(options));
    return {
      url: urlOf(server.port, password),
      async stop() {
        await server.stop();
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function prepare({
  folder,
  log,
  durable,
  outside,
}: Required<EmbeddedPostgresOptions>): Promise<{ options: ServerOptions; password: string }> {
  const identity = await findIdentity(path.join(await notedPlace(folder), 'cluster'), log);
  const place = await findPlace({ folder, identity, outside, log });
  const binaries = await findBinaries({ place, identity, log });
  await clearLeftovers(path.join(place, 'cluster'), log);
  const cluster = await openCluster({ folder, place, identity, binaries, durable, log });
  await notePlace(folder, place);
  return {
    options: { binaries, cluster: cluster.path, identity, durable, log },
    password: cluster.password,
  };
}

/** The address of the server that runs on `folder`, for another process of the same user; null where none runs. */
export async function findEmbeddedPostgres(folder: string): Promise<string | null> {
  const postmaster = await findPostmaster(path.join(await notedPlace(folder), 'cluster'));
  if (!postmaster) return null;
  const password = await readFile(passwordFile(folder), 'utf8');
  return urlOf(postmaster.port, password.trim());
}
