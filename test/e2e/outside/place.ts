import { createSimulator, type Simulator, type SimulatorOptions } from '../../../simulator/index.ts';
import type { Database } from '../../../src/database/index.ts';
import { protocolOf } from '../../../src/nodes/protocols/index.ts';
import { adminKey, startTestApp } from '../../support/app.ts';
import { createTestDatabase } from '../../support/database.ts';
import { makeFolder } from '../../support/folder.ts';
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
  readonly url: string;
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

function placeOn({ admin, close }: Base): Omit<Place, 'url'> {
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

const common = { TRUST_PROXY: 'true', DRAIN_TIMEOUT_MS: '500' };

export interface OpenedPlace extends Place {
  /** For what has no other way to pass, such as time. */
  readonly database: Database;
}

/** A server in this process, on a database and a folder of its own. */
export async function openPlace(variables: Record<string, string> = {}): Promise<OpenedPlace> {
  const app = await startTestApp({ ...common, ...variables });
  const close = async () => app[Symbol.asyncDispose]();
  const { database } = app.services;
  return { ...placeOn({ admin: createClient(app.url, adminKey), close }), url: app.url, database };
}

export interface Process extends Place {
  readonly server: ServerProcess;
  readonly databaseUrl: string;
}

/** A process with the API. */
export async function openProcess(variables: Record<string, string> = {}): Promise<Process> {
  const [database, folder] = await Promise.all([createTestDatabase(), makeFolder()]);
  const own = {
    DATABASE_URL: database.url,
    DATA_DIR: folder.path,
    JWT_SECRET: 'a secret that this process alone knows',
    ADMIN_KEY: adminKey,
    ...common,
    ...variables,
  };
  const server = await startServer(own, ['--role', 'api']);
  const close = async () => {
    await server[Symbol.asyncDispose]();
    await database.drop();
    await folder[Symbol.asyncDispose]();
  };
  const admin = createClient(server.url, adminKey);
  return { ...placeOn({ admin, close }), server, url: server.url, databaseUrl: database.url };
}

export interface Cluster extends Omit<Place, 'url'> {
  /** Those with the API. */
  readonly apis: readonly [{ readonly url: string }, { readonly url: string }];
}

/** Two servers with the API, and a worker, in this process: they share nothing but the database. */
export async function openSiblings(variables: Record<string, string> = {}): Promise<Cluster> {
  const app = await startTestApp({ ...common, ...variables }, 'api');
  const [two] = await Promise.all([app.sibling('api'), app.sibling('worker')]);
  const close = async () => app[Symbol.asyncDispose]();
  return { ...placeOn({ admin: createClient(app.url, adminKey), close }), apis: [app, two] };
}

/** The same, but the second with the API is a process of its own. */
export async function openCluster(variables: Record<string, string> = {}): Promise<Cluster> {
  const app = await startTestApp({ ...common, ...variables }, 'api');
  const { databaseUrl, dataDir, jwtSecret } = app.config;
  const shared = {
    DATABASE_URL: databaseUrl ?? '',
    DATA_DIR: dataDir,
    JWT_SECRET: jwtSecret ?? '',
    MIGRATE_AT_START: 'false',
    ...common,
    ...variables,
  };
  const [two] = await Promise.all([startServer(shared, ['--role', 'api']), app.sibling('worker')]);
  const close = async () => {
    await two[Symbol.asyncDispose]();
    await app[Symbol.asyncDispose]();
  };
  return { ...placeOn({ admin: createClient(app.url, adminKey), close }), apis: [app, two] };
}
