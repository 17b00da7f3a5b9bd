import { randomBytes } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { type Accounts, createAccounts, mergeTiers } from '../../accounts/index.ts';
import { loadConfig } from '../../config.ts';
import { migrate, openDatabase, type Role, type Tier, type User } from '../../database/index.ts';
import { NotFoundError } from '../../errors.ts';
import { createCarrier } from '../../events/index.ts';
import { decodeId, encodeId } from '../../ids.ts';
import { createLog } from '../../log.ts';
import { type Arguments, constantCase, defineCommand, UsageError } from '../command.ts';
import { withDatabaseUrl } from '../database.ts';
import { formatTable } from '../table.ts';
import { print, printJson, type Surroundings } from '../terminal.ts';

const roles = ['USER', 'OPERATOR', 'ADMIN'] as const satisfies Role[];
const tiers = ['FREE', 'PRO', 'VIP'] as const satisfies Tier[];
const PAGE_SIZE = 100;

const options = {
  role: { type: 'string', value: 'ROLE', help: 'user, operator or admin' },
  tier: { type: 'string', value: 'TIER', help: 'free, pro or vip' },
  'password-stdin': { type: 'boolean', help: 'create: read a password from standard input' },
  disable: { type: 'boolean', help: 'update: refuse every login and key' },
  enable: { type: 'boolean', help: 'update: take it back' },
  search: { type: 'string', value: 'TEXT', help: 'list: part of the name' },
  json: { type: 'boolean', help: 'Print JSON for scripts' },
} as const;

type Values = Arguments<typeof options>['values'];

function oneOf<const Name extends string>(
  option: string,
  names: readonly Name[],
  given: string | undefined,
): Name | undefined {
  if (given === undefined) return undefined;
  const found = names.find((name) => name === constantCase(given));
  if (found !== undefined) return found;
  throw new UsageError(`--${option}: "${given}" is none of ${names.join(', ').toLowerCase()}`);
}

function shown({ id, username, role, tier, disabled, createdAt }: User) {
  return { id: encodeId('User', id), username, role, tier, disabled, createdAt: createdAt.toISOString() };
}

/** Runs `work` on the accounts of the configured database, which is brought up to date first. */
async function withAccounts<T>(env: NodeJS.ProcessEnv, work: (accounts: Accounts) => Promise<T>): Promise<T> {
  const config = loadConfig(env);
  const log = createLog('warn');
  return withDatabaseUrl(config, log, async (url) => {
    if (config.migrateAtStart) await migrate({ url, log });
    await using stack = new AsyncDisposableStack();
    const database = stack.adopt(await openDatabase({ url, log, poolSize: 2, lanes: 1 }), (it) => it.close());
    const carrier = stack.adopt(await createCarrier({ url, log }), (it) => it.close());
    const accounts = createAccounts({
      database,
      carrier,
      // Nobody logs in here, so nothing is signed.
      jwtSecret: randomBytes(32),
      tiers: mergeTiers(config.tiers),
      registration: config.registration,
      log,
    });
    stack.defer(() => accounts.close());
    return await work(accounts);
  });
}

async function* everyUser(accounts: Accounts, search: string | undefined): AsyncGenerator<User> {
  for (let after: string | undefined; ; ) {
    const { users, hasNextPage } = await accounts.listUsers({ search, after, first: PAGE_SIZE });
    yield* users;
    after = users.at(-1)?.id;
    if (!hasNextPage) return;
  }
}

/** By id or by name. */
async function findUser(accounts: Accounts, given: string): Promise<User> {
  const id = decodeId('User', given);
  if (id !== null) {
    const user = await accounts.findUser(id);
    if (user !== null) return user;
  }
  for await (const user of everyUser(accounts, given)) {
    if (user.username === given.toLowerCase()) return user;
  }
  throw new NotFoundError(`there is no user "${given}"`);
}

async function create(accounts: Accounts, name: string, values: Values, { stdin, stdout }: Surroundings) {
  const role = oneOf('role', roles, values.role);
  const tier = oneOf('tier', tiers, values.tier);
  const password = values['password-stdin'] === true ? (await text(stdin)).replace(/\r?\n$/, '') : null;
  const user = await accounts.createUser({
    username: name,
    password,
    ...(role === undefined ? {} : { role }),
    ...(tier === undefined ? {} : { tier }),
  });
  // Without a password there must be another way in.
  const key = password === null ? (await accounts.createApiKey(user.id, { name: 'first' })).secret : null;
  if (values.json === true) return printJson(stdout, { ...shown(user), apiKey: key });
  print(stdout, `created ${user.username} (${user.role}, ${user.tier}): ${encodeId('User', user.id)}`);
  if (key !== null) print(stdout, `API key, shown this once: ${key}`);
}

async function update(accounts: Accounts, name: string, values: Values, { stdout }: Surroundings) {
  if (values.disable === true && values.enable === true)
    throw new UsageError('--disable or --enable, not both');
  const changes = {
    role: oneOf('role', roles, values.role),
    tier: oneOf('tier', tiers, values.tier),
    disabled: values.disable === true ? true : values.enable === true ? false : undefined,
  };
  if (Object.values(changes).every((change) => change === undefined)) {
    throw new UsageError('nothing to change: give --role, --tier, --disable or --enable');
  }
  const { id } = await findUser(accounts, name);
  const user = await accounts.updateUser(id, changes);
  if (values.json === true) return printJson(stdout, shown(user));
  const state = user.disabled ? ', disabled' : '';
  print(stdout, `${user.username} is now ${user.role}, ${user.tier}${state}`);
}

async function list(accounts: Accounts, { search, json }: Values, { stdout }: Surroundings) {
  const users: ReturnType<typeof shown>[] = [];
  for await (const user of everyUser(accounts, search)) users.push(shown(user));
  if (json === true) return printJson(stdout, users);
  const rows = users.map(({ id, username, role, tier, disabled, createdAt }) => {
    return [username, role, tier, disabled ? 'disabled' : '', createdAt, id];
  });
  print(stdout, formatTable(['NAME', 'ROLE', 'TIER', '', 'CREATED', 'ID'], rows));
}

export const users = defineCommand({
  summary: 'Create, list and update users, on the database',
  usage: [
    'users list [--search TEXT]',
    'users create NAME [--role ROLE] [--tier TIER] [--password-stdin]',
    'users update NAME [--role ROLE] [--tier TIER] [--disable|--enable]',
  ].join('\n       switchyard '),
  description: 'A user that is created without a password gets an API key.',
  arity: [0, 2],
  options,
  async run({ values, positionals: [verb = 'list', name] }, surroundings) {
    const { env } = surroundings;
    if (verb === 'list') await withAccounts(env, (accounts) => list(accounts, values, surroundings));
    else if (verb !== 'create' && verb !== 'update') {
      throw new UsageError(`"${verb}" is none of list, create, update`);
    } else if (name === undefined) throw new UsageError(`which user? switchyard users ${verb} NAME`);
    else {
      const act = verb === 'create' ? create : update;
      await withAccounts(env, (accounts) => act(accounts, name, values, surroundings));
    }
    return 0;
  },
});
