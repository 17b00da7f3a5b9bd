import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Client, createClient } from './outside/client.ts';
import {
  type AuthView,
  account,
  draw,
  find,
  good,
  PROBLEM,
  type Problem,
  USER,
  type UserView,
  WATCH,
  WATCH_ALL,
} from './outside/contract.ts';
import { openPlace, PASSWORD, type Place, uniqueName, updateUser } from './outside/place.ts';
import { next, rest } from './outside/streams.ts';

let place: Place;
beforeAll(async () => {
  place = await openPlace();
});
afterAll(() => place?.[Symbol.asyncDispose]());

async function me(client: Client): Promise<UserView | null> {
  return (await client.ask<{ me: UserView | null }>(`{ me { ...U } } ${USER}`)).me;
}

async function logout(client: Client, refreshToken: string): Promise<Problem & { user?: UserView }> {
  const query = `mutation ($input: RefreshTokenInput!) {
    it: logout(input: $input) { __typename ... on LogoutPayload { user { ...U } } ...P }
  } ${USER} ${PROBLEM}`;
  return (await client.ask<{ it: Problem & { user?: UserView } }>(query, { input: { refreshToken } })).it;
}

interface CreatedKey extends Problem {
  readonly secret?: string;
  readonly apiKey?: {
    id: string;
    name: string;
    prefix: string;
    expiresAt: string | null;
    lastUsedAt: string | null;
  };
}

async function createKey(client: Client, input: object): Promise<CreatedKey & { secret: string }> {
  const query = `mutation ($input: CreateApiKeyInput!) {
    it: createApiKey(input: $input) {
      __typename ...P
      ... on CreateApiKeyPayload { secret apiKey { id name prefix createdAt expiresAt lastUsedAt } }
    }
  } ${PROBLEM}`;
  const { it } = await client.ask<{ it: CreatedKey }>(query, { input });
  return { secret: '', ...it };
}

/** What is opened with a key that expires soon: with the first that lasts until it is open. */
async function openBriefly(member: Client, taskId: string, lifeMs = 1_500) {
  const expiresAt = new Date(Date.now() + lifeMs).toISOString();
  const { secret } = await createKey(member, { name: 'short', expiresAt });
  const brief = member.as(secret);
  try {
    const socket = await brief.socket();
    const stream = brief.sse(WATCH, { id: taskId });
    await next(stream);
    return { brief, socket, stream, expiresAt };
  } catch (error) {
    if (Date.now() < Date.parse(expiresAt)) throw error;
    return openBriefly(member, taskId, 2 * lifeMs);
  }
}

describe.concurrent('accounts', () => {
  test('who registers is signed in, and may log in again', async () => {
    const visitor = createClient(place.url);
    expect(await me(visitor)).toBeNull();
    const username = uniqueName('ada');
    const session = good<AuthView>(
      await account(visitor, 'register', { username, password: PASSWORD }),
      'AuthPayload',
    );
    expect(session.user).toMatchObject({ username, role: 'USER', tier: 'FREE', disabled: false });
    expect(session.user.id).toMatch(/^user_[0-9a-z]{26}$/);
    expect(Date.parse(session.expiresAt)).toBeGreaterThan(Date.now());
    expect(session.expiresAt).toMatch(/Z$/);
    expect(await me(visitor.as(session.accessToken))).toEqual(session.user);

    const again = good<AuthView>(
      await account(visitor, 'login', { username, password: PASSWORD }),
      'AuthPayload',
    );
    expect(again.user).toEqual(session.user);
    expect(await account(visitor, 'login', { username, password: 'wrong' })).toMatchObject({
      __typename: 'InvalidCredentialsError',
      code: 'INVALID_CREDENTIALS',
    });
    expect(await account(visitor, 'register', { username, password: PASSWORD })).toMatchObject({
      __typename: 'AlreadyExistsError',
      code: 'ALREADY_EXISTS',
    });
    expect(await account(visitor, 'register', { username: '', password: '' })).toMatchObject({
      __typename: 'InvalidInputError',
      code: 'BAD_USER_INPUT',
      issues: [{ path: 'username' }, { path: 'password' }],
    });
  });

  test('refresh tokens rotate, and logging out ends them', async () => {
    const member = await place.member();
    const { refreshToken } = member.session;
    const second = good<AuthView>(
      await account(member.as(null), 'refreshToken', { refreshToken }),
      'AuthPayload',
    );
    expect(second.refreshToken).not.toBe(refreshToken);
    expect(await me(member.as(second.accessToken))).toMatchObject({ id: member.id });
    const third = good<AuthView>(
      await account(member.as(null), 'refreshToken', { refreshToken: second.refreshToken }),
      'AuthPayload',
    );
    expect(await logout(member.as(null), third.refreshToken)).toMatchObject({
      __typename: 'LogoutPayload',
      user: { id: member.id },
    });
    const refused = { __typename: 'InvalidCredentialsError', code: 'INVALID_CREDENTIALS' };
    expect(
      await account(member.as(null), 'refreshToken', { refreshToken: third.refreshToken }),
    ).toMatchObject(refused);
    expect(await logout(member.as(null), third.refreshToken)).toMatchObject(refused);
    await expect(me(member.as(third.accessToken))).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  test('a changed password replaces the old one and ends the other sessions', async () => {
    const member = await place.member();
    const visitor = member.as(null);
    const other = good<AuthView>(
      await account(visitor, 'login', { username: member.username, password: PASSWORD }),
      'AuthPayload',
    );
    const newPassword = 'another horse battery staple';
    expect(await account(member, 'changePassword', { currentPassword: 'wrong', newPassword })).toMatchObject({
      __typename: 'InvalidCredentialsError',
    });
    expect(
      await account(member, 'changePassword', { currentPassword: PASSWORD, newPassword: 'x' }),
    ).toMatchObject({
      __typename: 'InvalidInputError',
      issues: [{ path: 'newPassword' }],
    });
    const changed = good<AuthView>(
      await account(member, 'changePassword', { currentPassword: PASSWORD, newPassword }),
      'AuthPayload',
    );
    expect(await me(member.as(changed.accessToken))).toMatchObject({ id: member.id });
    expect(await account(visitor, 'refreshToken', { refreshToken: other.refreshToken })).toMatchObject({
      __typename: 'InvalidCredentialsError',
    });
    expect(await account(visitor, 'login', { username: member.username, password: PASSWORD })).toMatchObject({
      __typename: 'InvalidCredentialsError',
    });
    good(
      await account(visitor, 'login', { username: member.username, password: newPassword }),
      'AuthPayload',
    );
  });

  test('an API key is shown once, listed without its secret, identifies and is revoked', async () => {
    const member = await place.member();
    const created = await createKey(member, { name: 'ci' });
    expect(created).toMatchObject({
      __typename: 'CreateApiKeyPayload',
      apiKey: { name: 'ci', expiresAt: null },
    });
    expect(created.secret.startsWith(created.apiKey?.prefix ?? '-')).toBe(true);
    expect(await me(member.as(created.secret))).toMatchObject({ id: member.id });

    const { apiKeys } = await member.ask<{ apiKeys: object[] }>('{ apiKeys { id name prefix lastUsedAt } }');
    expect(apiKeys).toMatchObject([{ id: created.apiKey?.id, name: 'ci' }]);
    expect(JSON.stringify(apiKeys)).not.toContain(created.secret);

    const revoke = `mutation ($id: ID!) {
      it: revokeApiKey(id: $id) { __typename ... on RevokeApiKeyPayload { id } ...P }
    } ${PROBLEM}`;
    const stranger = await place.member();
    expect(await stranger.ask(revoke, { id: created.apiKey?.id })).toMatchObject({
      it: { code: 'NOT_FOUND' },
    });
    expect(await member.ask(revoke, { id: created.apiKey?.id })).toEqual({
      it: { __typename: 'RevokeApiKeyPayload', id: created.apiKey?.id },
    });
    await expect(me(member.as(created.secret))).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(await member.ask(revoke, { id: created.apiKey?.id })).toMatchObject({ it: { code: 'NOT_FOUND' } });
    expect(await createKey(member, { name: '', expiresAt: '2020-01-01T00:00:00Z' })).toMatchObject({
      __typename: 'InvalidInputError',
    });
  });

  test('a credential that is no good is refused, not taken for nobody', async () => {
    const visitor = createClient(place.url);
    for (const token of ['nonsense', 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.', `${place.admin.token}x`]) {
      await expect(me(visitor.as(token))).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
      await expect(visitor.as(token).socket()).rejects.toThrow('closed with 4403');
    }
    const { status } = await visitor.reply('{ me { id } }', {}, { authorization: 'Bearer nonsense' });
    expect(status).toBe(401);
  });

  test('admins list, find and change users; nobody else does', async () => {
    const [member, operator] = await Promise.all([place.member(), place.member({ role: 'OPERATOR' })]);
    const list = `query ($search: String, $first: Int, $after: String) {
      users(search: $search, first: $first, after: $after) { edges { cursor node { ...U } } pageInfo { hasNextPage endCursor } }
    } ${USER}`;
    expect(await place.admin.ask(list, { search: member.username })).toMatchObject({
      users: { edges: [{ node: { id: member.id } }], pageInfo: { hasNextPage: false } },
    });
    type Page = {
      users: { edges: { node: { id: string } }[]; pageInfo: { hasNextPage: boolean; endCursor: string } };
    };
    const first = await place.admin.ask<Page>(list, { first: 1 });
    const second = await place.admin.ask<Page>(list, { first: 1, after: first.users.pageInfo.endCursor });
    expect(first.users.pageInfo.hasNextPage).toBe(true);
    expect(second.users.edges[0]?.node.id).not.toBe(first.users.edges[0]?.node.id);

    for (const client of [member, operator]) {
      await expect(client.ask(list)).rejects.toMatchObject({ code: 'FORBIDDEN' });
      await expect(updateUser(client, member.id, { role: 'ADMIN' })).rejects.toMatchObject({
        code: 'FORBIDDEN',
      });
    }
    await expect(member.as(null).ask(list)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(await updateUser(place.admin, member.id, { role: 'OPERATOR', tier: 'VIP' })).toMatchObject({
      role: 'OPERATOR',
      tier: 'VIP',
    });
    expect(await me(member)).toMatchObject({ role: 'OPERATOR', tier: 'VIP' });
    expect(await updateUser(place.admin, 'user_01h455vb4pex5vsknk084sn02q', { tier: 'VIP' })).toMatchObject({
      code: 'NOT_FOUND',
    });
  });

  test('operators see nodes and all tasks, users their own alone', async () => {
    const node = await place.node({ slots: 0 });
    const [member, operator] = await Promise.all([place.member(), place.member({ role: 'OPERATOR' })]);
    const task = await draw(member, node.model);
    const list = `query ($where: TaskWhere) { tasks(where: $where) { edges { node { id } } } }`;
    type List = { tasks: { edges: { node: { id: string } }[] } };
    const ids = async (client: Client, where: object) =>
      (await client.ask<List>(list, { where })).tasks.edges.map((edge) => edge.node.id);

    expect(await find(operator, task.id)).toMatchObject({ id: task.id });
    expect(await ids(operator, { userId: member.id })).toEqual([task.id]);
    expect(await ids(operator, { model: [node.model] })).toEqual([task.id]);
    await expect(operator.ask('{ gpuNodes { id url token: name } }')).resolves.toBeDefined();

    const stranger = await place.member();
    expect(await find(stranger, task.id)).toBeNull();
    expect(await ids(stranger, {})).toEqual([]);
    await expect(stranger.ask('{ gpuNodes { id } }')).rejects.toMatchObject({ code: 'FORBIDDEN' });
    const theirs = await stranger.reply<List>(list, { where: { userId: member.id } });
    expect(theirs.data?.tasks.edges ?? []).toEqual([]);
    expect(await stranger.ask('{ stats { nodes { slots } workers { processes } } }')).toMatchObject({
      stats: { nodes: null, workers: { processes: 1 } },
    });
    expect(await operator.ask('{ stats { nodes { slots } } }')).toMatchObject({
      stats: { nodes: { slots: expect.any(Number) } },
    });
  });

  test('who is no operator any more is told nothing more of others', async () => {
    const node = await place.node({ slots: 0 });
    const [member, operator] = await Promise.all([place.member(), place.member({ role: 'OPERATOR' })]);
    const task = await draw(member, node.model);
    await node.simulator.received(1);
    await using socket = await operator.socket();
    const streams = [
      socket.subscribe(WATCH, { id: task.id }),
      operator.sse(WATCH, { id: task.id }),
      socket.subscribe(WATCH_ALL, { where: { model: [node.model] }, since: task.createdAt }),
      operator.sse('subscription { gpuNodeUpdated { id busySlots } }'),
    ];
    await Promise.all(streams.map(next));
    good(await updateUser(place.admin, operator.id, { role: 'USER' }), 'User');
    node.simulator.set({ slots: 1 });
    const told = await Promise.all(
      streams.slice(0, 2).map((stream) => rest(stream).catch((error: Error) => error)),
    );
    for (const end of told) expect(JSON.stringify(end)).not.toContain('SUCCEEDED');
    await Promise.all(streams.map((stream) => stream.return()));
    expect(await find(operator, task.id)).toBeNull();
  });

  test('a disabled user is refused, and his sockets and streams end', async () => {
    const node = await place.node({ slots: 0 });
    const member = await place.member();
    const task = await draw(member, node.model);
    await using socket = await member.socket();
    const overSocket = socket.subscribe(WATCH, { id: task.id });
    const overSse = member.sse(WATCH, { id: task.id });
    await Promise.all([next(overSocket), next(overSse)]);
    good(await updateUser(place.admin, member.id, { disabled: true }), 'User');
    expect((await socket.closed).code).toBe(4403);
    await expect(rest(overSocket)).rejects.toThrow('4403');
    await expect(rest(overSse)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    await expect(me(member)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(
      await account(member.as(null), 'login', { username: member.username, password: PASSWORD }),
    ).toMatchObject({ code: 'INVALID_CREDENTIALS' });
    expect(
      await account(member.as(null), 'refreshToken', { refreshToken: member.session.refreshToken }),
    ).toMatchObject({ code: 'INVALID_CREDENTIALS' });
  });

  test('sockets and streams end when their credential expires or is revoked', async () => {
    const node = await place.node({ slots: 0 });
    const member = await place.member();
    const task = await draw(member, node.model);
    const { brief, socket, stream, expiresAt } = await openBriefly(member, task.id);
    await using loggedOut = await member.socket();
    const closed = await socket.closed;
    expect(closed.code).toBe(4403);
    expect(closed.reason).toMatch(/expired/i);
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(expiresAt) - 50);
    await expect(rest(stream)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    await expect(me(brief)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });

    await logout(member, member.session.refreshToken);
    expect((await loggedOut.closed).code).toBe(4403);
  });
});
