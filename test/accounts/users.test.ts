import { expect, test } from 'vitest';
import { AlreadyExistsError, InvalidInputError, NotFoundError } from '../../src/errors.ts';
import { newId } from '../../src/ids.ts';
import { ann, bearer, eventually, useAccounts } from './support.ts';

const openTestAccounts = useAccounts();

test('a new role, tier or state holds at once for who is logged in, in every process', async () => {
  await using house = await openTestAccounts();
  const { accounts } = house;
  const sibling = house.sibling();
  const { user, accessToken, refreshToken } = await accounts.register(ann, null);
  const viewer = await sibling.authenticate(bearer(accessToken));
  if (!viewer) throw new Error('not authenticated');
  expect(await accounts.updateUser(user.id, { role: 'OPERATOR', tier: 'VIP' })).toMatchObject({
    role: 'OPERATOR',
    tier: 'VIP',
    disabled: false,
  });
  await eventually(async () =>
    expect(await sibling.recheck(viewer)).toEqual({ ...viewer, role: 'OPERATOR', tier: 'VIP' }),
  );
  expect(await accounts.updateUser(user.id, { disabled: true, role: null })).toMatchObject({
    role: 'OPERATOR',
  });
  await eventually(async () => expect(await sibling.recheck(viewer)).toBe(null));
  await expect(accounts.authenticate(bearer(accessToken))).rejects.toThrow('the account is disabled');
  await expect(accounts.login(ann, null)).rejects.toThrow('the account is disabled');
  await expect(accounts.refresh(refreshToken)).rejects.toMatchObject({ code: 'INVALID_CREDENTIALS' });
  await accounts.updateUser(user.id, { disabled: false });
  expect(await accounts.authenticate(bearer(accessToken))).toMatchObject({ username: 'ann' });
});

test('the last admin who can log in stays one', async () => {
  await using house = await openTestAccounts();
  const { accounts } = house;
  const first = await accounts.createUser({ ...ann, role: 'ADMIN' });
  const second = await accounts.createUser({ username: 'bob', password: null, role: 'ADMIN' });
  await accounts.updateUser(second.id, { disabled: true });
  const demoted = accounts.updateUser(first.id, { role: 'USER' });
  await expect(demoted).rejects.toThrow('role: this is the last admin who can log in');
  await expect(demoted).rejects.toBeInstanceOf(InvalidInputError);
  await expect(accounts.updateUser(first.id, { disabled: true })).rejects.toThrow('disabled: this is');
  expect(await accounts.updateUser(first.id, { tier: 'PRO', role: 'ADMIN' })).toMatchObject({ tier: 'PRO' });
});

test('two admins who demote each other at once: one stays', async () => {
  await using house = await openTestAccounts();
  const { accounts } = house;
  const admins = [
    await accounts.createUser({ ...ann, role: 'ADMIN' }),
    await accounts.createUser({ ...ann, username: 'bob', role: 'ADMIN' }),
  ];
  const results = await Promise.allSettled(admins.map(({ id }) => accounts.updateUser(id, { role: 'USER' })));
  expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
});

test('a user that does not exist cannot be changed', async () => {
  await using house = await openTestAccounts();
  await expect(house.accounts.updateUser(newId(), { tier: 'PRO' })).rejects.toBeInstanceOf(NotFoundError);
  expect(await house.accounts.findUser(newId())).toBe(null);
});

test('users are listed page by page and found by a part of their name, wild cards taken as they are', async () => {
  await using house = await openTestAccounts();
  for (const username of ['ann', 'joanna', 'a_b', 'axb', 'bob']) {
    await house.accounts.createUser({ username, password: null });
  }
  const names = async (page: { search?: string; after?: string; first?: number }) => {
    const { users, hasNextPage } = await house.accounts.listUsers({ first: 10, ...page });
    return [...users.map(({ username }) => username), hasNextPage];
  };
  expect(await names({})).toEqual(['ann', 'joanna', 'a_b', 'axb', 'bob', false]);
  const { users } = await house.accounts.listUsers({ first: 2 });
  expect(await names({ first: 2, after: users.at(-1)?.id ?? '' })).toEqual(['a_b', 'axb', true]);
  expect(await names({ search: 'ANN' })).toEqual(['ann', 'joanna', false]);
  expect(await names({ search: '_' })).toEqual(['a_b', false]);
  expect(await names({ search: '%' })).toEqual([false]);
});

test('a name that is taken or not allowed is refused to the command line too', async () => {
  await using house = await openTestAccounts();
  await house.accounts.createUser(ann);
  await expect(house.accounts.createUser({ ...ann, username: 'ANN' })).rejects.toBeInstanceOf(
    AlreadyExistsError,
  );
  await expect(house.accounts.createUser({ ...ann, username: 'a' })).rejects.toBeInstanceOf(
    InvalidInputError,
  );
});

test('the key of the machine makes an admin, is the same at each start, and replaces the one before', async () => {
  await using house = await openTestAccounts();
  const { accounts } = house;
  const key = await accounts.ensureAdminKey(null);
  expect(key).toMatch(/^sy_/);
  const admin = { username: 'admin', role: 'ADMIN', tier: 'VIP' };
  expect(await accounts.authenticate(bearer(key))).toMatchObject(admin);
  const own = await accounts.createApiKey((await accounts.listUsers({ first: 1 })).users[0]?.id ?? '', {
    name: 'own',
  });
  await Promise.all([accounts.ensureAdminKey(key), accounts.ensureAdminKey(key)]);
  expect(await accounts.authenticate(bearer(key))).toMatchObject(admin);
  const chosen = 'an operator chose this key';
  expect(await accounts.ensureAdminKey(chosen.replaceAll(' ', '-'))).toBe('an-operator-chose-this-key');
  expect(await accounts.authenticate('Bearer an-operator-chose-this-key')).toMatchObject(admin);
  await expect(accounts.authenticate(bearer(key))).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  expect(await accounts.authenticate(bearer(own.secret))).toMatchObject(admin);
});

test('the key of the machine works again for an admin who was locked out', async () => {
  await using house = await openTestAccounts();
  const { accounts } = house;
  const key = await accounts.ensureAdminKey(null);
  const { users } = await accounts.listUsers({ first: 1 });
  await accounts.createUser({ ...ann, role: 'ADMIN' });
  await accounts.updateUser(users[0]?.id ?? '', { disabled: true });
  await expect(accounts.authenticate(bearer(key))).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  await accounts.ensureAdminKey(key);
  expect(await accounts.authenticate(bearer(key))).toMatchObject({ role: 'ADMIN' });
});
