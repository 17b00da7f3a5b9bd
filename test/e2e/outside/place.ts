import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createSimulator, type Simulator, type SimulatorOptions } from '../../../simulator/index.ts';
import { protocolOf } from '../../../src/nodes/protocols/index.ts';
import { createTestDatabase } from '../../support/database.ts';
import { type ServerProcess, startServer } from '../../support/process.ts';
import { type Client, createClient } from './client.ts';
import { type AuthView, account, good, type Outcome, USER, type UserView } from './contract.ts';

export interface Member extends Client {
  readonly id: string;
  readonly username: string;
  readonly session: AuthView;
}

export interface SimulatedNode {
  readonly id: string;
  readonly name: string;
  /** Offered by this node alone, so that tests do not meet. */
  readonly model: string;
  readonly simulator: Simulator;
}

export interface Place extends AsyncDisposable {
  readonly server: ServerProcess;
  readonly url: string;
  readonly dataDir: string;
  readonly admin: Client;
  member(options?: { role?: string; tier?: string }): Promise<Member>;
  node(options?: Partial<SimulatorOptions>): Promise<SimulatedNode>;
}

export const PASSWORD = 'correct horse battery staple';

let names = 0;
export function uniqueName(what: string): string {
  names += 1;
  return `${what}-${process.pid}-${names}`;
}

export async function updateUser(admin: Client, id: string, input: object): Promise<Outcome<UserView>> {
  const query = `mutation ($id: ID!, $input: UpdateUserInput!) {
    it: updateUser(id: $id, input: $input) { ...U ... on Error { __typename code message } }
  } ${USER}`;
  return (await admin.ask<{ it: Outcome<UserView> }>(query, { id, input })).it;
}

async function createMember(admin: Client, changes: object): Promise<Member> {
  const username = uniqueName('member');
  const visitor = createClient(admin.url);
  const session = good<AuthView>(
    await account(visitor, 'register', { username, password: PASSWORD }),
    'AuthPayload',
  );
  if (Object.keys(changes).length > 0) good(await updateUser(admin, session.user.id, changes), 'User');
  return { ...visitor.as(session.accessToken), id: session.user.id, username, session };
}

const REGISTER = `mutation ($input: RegisterNodeInput!) {
  it: registerNode(input: $input) { __typename ... on GpuNode { id status } ... on Error { message } }
}`;

async function registerNode(admin: Client, options: Partial<SimulatorOptions> = {}): Promise<SimulatedNode> {
  const protocol = options.protocol ?? 'OPENAI';
  const simulator = await createSimulator({ side: 64, slots: 1, ...options, protocol });
  const [name, model] = [uniqueName('node'), uniqueName('model')];
  const kinds = Object.keys(protocolOf(protocol).run);
  const input = {
    ...{ name, url: simulator.url, protocol, slots: Math.max(1, options.slots ?? 1) },
    offers: kinds.map((each) => ({ kind: each, models: [model] })),
  };
  type Registered = { it: Outcome<{ __typename: 'GpuNode'; id: string }> };
  const { it } = await admin.ask<Registered>(REGISTER, { input });
  return { id: good(it, 'GpuNode').id, name, model, simulator };
}

interface Base {
  readonly admin: Client;
  readonly close: () => Promise<void>;
}

function placeOn({ admin, close }: Base): Omit<Place, 'server' | 'url' | 'dataDir'> {
  const simulators: Simulator[] = [];
  return {
    admin,
    member: (changes = {}) => createMember(admin, changes),
    async node(options) {
      const node = await registerNode(admin, options);
      simulators.push(node.simulator);
      return node;
    },
    async [Symbol.asyncDispose]() {
      await close();
      await Promise.all(simulators.map((simulator) => simulator.close()));
    },
  };
}

async function createFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'switchyard-e2e-'));
  // So that PostgreSQL's own user can enter, where this runs as root.
  await chmod(folder, 0o755);
  return folder;
}

const common = { TRUST_PROXY: 'true', DRAIN_TIMEOUT_MS: '500' };

/** A server as `npm start` starts it, on an embedded database and a folder of its own. */
export async function openPlace(variables: Record<string, string> = {}): Promise<Place> {
  const dataDir = await createFolder();
  const server = await startServer({ DATA_DIR: dataDir, ...common, ...variables });
  const key = await readFile(path.join(dataDir, 'admin-key'), 'utf8');
  const close = async () => {
    await server[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true, force: true });
  };
  return {
    ...placeOn({ admin: createClient(server.url, key.trim()), close }),
    ...{ server, url: server.url, dataDir },
  };
}

export interface Cluster extends Omit<Place, 'server' | 'url' | 'dataDir'> {
  readonly apis: readonly [ServerProcess, ServerProcess];
  readonly worker: ServerProcess;
  readonly databaseUrl: string;
}

/** Two API processes and a worker, each a process of its own, on one database. */
export async function openCluster(variables: Record<string, string> = {}): Promise<Cluster> {
  const [database, folder] = await Promise.all([createTestDatabase(), createFolder()]);
  const adminKey = 'the-admin-key-of-this-cluster';
  const shared = {
    DATABASE_URL: database.url,
    DATA_DIR: folder,
    JWT_SECRET: 'a secret that all processes of this cluster share',
    ADMIN_KEY: adminKey,
    ...common,
    ...variables,
  };
  const [one, two, worker] = await Promise.all([
    startServer(shared, ['--role', 'api']),
    startServer(shared, ['--role', 'api']),
    startServer(shared, ['--role', 'worker']),
  ]);
  const close = async () => {
    await Promise.all([one, two, worker].map((server) => server[Symbol.asyncDispose]()));
    await database.drop();
    await rm(folder, { recursive: true, force: true });
  };
  return {
    ...placeOn({ admin: createClient(one.url, adminKey), close }),
    ...{ apis: [one, two], worker, databaseUrl: database.url },
  };
}
