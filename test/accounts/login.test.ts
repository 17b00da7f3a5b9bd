import { expect, test } from 'vitest';
import {
  AlreadyExistsError,
  InvalidCredentialsError,
  InvalidInputError,
  RateLimitedError,
} from '../../src/errors.ts';
import { ann, bearer, slowLimits, useAccounts } from './support.ts';

const openTestAccounts = useAccounts();

test('whoever registers is logged in at once, as an ordinary user', async () => {
  await using house = await openTestAccounts();
  const signedIn = await house.accounts.register(ann, '192.0.2.1');
  expect(signedIn.user).toMatchObject({ username: 'ann', role: 'USER', tier: 'FREE', disabled: false });
  const minutes = (signedIn.expiresAt.getTime() - house.database.clock.now().getTime()) / 60_000;
  expect(minutes).toBeGreaterThan(14);
  expect(minutes).toBeLessThanOrEqual(15);
  expect(await house.accounts.authenticate(bearer(signedIn.accessToken))).toEqual({
    userId: signedIn.user.id,
    username: 'ann',
    role: 'USER',
    tier: 'FREE',
    credential: { type: 'session', id: expect.any(String) },
    expiresAt: signedIn.expiresAt,
  });
});

test('usernames are the same in any case', async () => {
  await using house = await openTestAccounts();
  const { user } = await house.accounts.register({ ...ann, username: 'Ann.B' }, null);
  expect(user.username).toBe('ann.b');
  const again = house.accounts.register({ ...ann, username: 'ANN.b' }, null);
  await expect(again).rejects.toEqual(new AlreadyExistsError('the username "ann.b" is taken'));
  expect((await house.accounts.login({ ...ann, username: 'aNN.B' }, null)).user.id).toBe(user.id);
});

test('two who register the same name at once: one gets it', async () => {
  await using house = await openTestAccounts();
  const results = await Promise.allSettled([
    house.accounts.register(ann, null),
    house.accounts.register(ann, null),
  ]);
  expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  const refused = results.find((result) => result.status === 'rejected');
  expect(refused?.reason).toBeInstanceOf(AlreadyExistsError);
});

test('a bad username and a bad password are told together, each with its field', async () => {
  await using house = await openTestAccounts();
  await expect(house.accounts.register({ username: 'a b', password: 'short' }, null)).rejects.toMatchObject({
    code: 'BAD_USER_INPUT',
    issues: [
      { path: 'username', message: expect.stringContaining('3 to 32 characters') },
      { path: 'password', message: 'must have 8 to 200 characters' },
    ],
  });
  await expect(house.accounts.register({ username: 'ann', password: 'x'.repeat(201) }, null)).rejects.toThrow(
    'password: must have 8 to 200 characters',
  );
});

test('nobody can register the name of the admin of the machine', async () => {
  await using house = await openTestAccounts();
  const taking = house.accounts.register({ ...ann, username: 'Admin' }, null);
  await expect(taking).rejects.toBeInstanceOf(AlreadyExistsError);
});

test('a server with closed registration says whom to ask', async () => {
  await using house = await openTestAccounts({ registration: 'closed' });
  const registering = house.accounts.register(ann, null);
  await expect(registering).rejects.toThrow('registration is closed on this server; ask an administrator');
  await expect(registering).rejects.toBeInstanceOf(InvalidInputError);
});

test('a wrong password and an unknown name are told in the same words', async () => {
  await using house = await openTestAccounts();
  await house.accounts.register(ann, null);
  const wrong = new InvalidCredentialsError('the username or the password is wrong');
  await expect(house.accounts.login({ ...ann, password: 'not that one' }, null)).rejects.toEqual(wrong);
  await expect(house.accounts.login({ ...ann, username: 'bob' }, null)).rejects.toEqual(wrong);
  await expect(house.accounts.login({ ...ann, username: '' }, null)).rejects.toEqual(wrong);
});

test('a login costs the same whether its name is known, unknown or without a password', async () => {
  await using house = await openTestAccounts();
  await house.accounts.register(ann, null);
  await house.accounts.createUser({ username: 'keys-only', password: null });
  for (const username of ['ann', 'bob', '', 'keys-only']) {
    const before = house.accounts.passwordComparisons;
    const login = house.accounts.login({ username, password: 'not that one' }, null);
    await expect(login).rejects.toBeInstanceOf(InvalidCredentialsError);
    expect([username, house.accounts.passwordComparisons - before]).toEqual([username, 1]);
  }
});

test('passwords are the same however their characters are composed', async () => {
  await using house = await openTestAccounts();
  await house.accounts.register({ ...ann, password: 'cafe\u0301 cafe\u0301' }, null);
  await house.accounts.login({ ...ann, password: 'caf\u00e9 caf\u00e9' }, null);
});

test('a name that no table could keep is as wrong as any other', async () => {
  await using house = await openTestAccounts();
  for (const username of ['\u{1f600}'.repeat(40), `x${'\u{1f600}'.repeat(40)}`, 'y'.repeat(5_000)]) {
    const login = house.accounts.login({ ...ann, username }, '192.0.2.1');
    await expect(login).rejects.toBeInstanceOf(InvalidCredentialsError);
  }
});

test('too many wrong passwords for a name are refused, the right one too, until tokens flow in', async () => {
  await using house = await openTestAccounts({ attemptLimits: slowLimits });
  await house.accounts.register(ann, null);
  for (let n = 0; n < 11; n++) await house.accounts.login(ann, null);
  const wrong = { ...ann, password: 'not that one' };
  for (let n = 0; n < 10; n++) {
    await expect(house.accounts.login(wrong, null)).rejects.toBeInstanceOf(InvalidCredentialsError);
  }
  const limited = await house.accounts.login(ann, null).catch((error: unknown) => error);
  expect(limited).toBeInstanceOf(RateLimitedError);
  expect(limited).toMatchObject({ retryAfterMs: expect.any(Number) });
  await house.database.pool.query(`UPDATE token_bucket SET updated_at = updated_at - interval '2 minutes'`);
  await house.accounts.login(ann, null);
});

test('wrong passwords and registrations from one address, and from one IPv6 network, are counted together', async () => {
  await using house = await openTestAccounts({
    attemptLimits: {
      loginsPerUser: { rate: 0.01, burst: 100 },
      loginsPerAddress: { rate: 0.01, burst: 3 },
      registrations: { rate: 0.01, burst: 2 },
    },
  });
  for (let n = 0; n < 3; n++) {
    const guess = house.accounts.login({ ...ann, username: `user-${n}` }, `2001:db8:0:7::${n}`);
    await expect(guess).rejects.toBeInstanceOf(InvalidCredentialsError);
  }
  await expect(house.accounts.login(ann, '2001:db8::7:ffff:0:0:9')).rejects.toBeInstanceOf(RateLimitedError);
  await expect(house.accounts.login(ann, '2001:db8::8:0:0:0:9')).rejects.toBeInstanceOf(
    InvalidCredentialsError,
  );
  for (const username of ['one', 'two']) await house.accounts.register({ ...ann, username }, '192.0.2.1');
  await expect(house.accounts.register(ann, '192.0.2.1')).rejects.toThrow('too many registrations');
  await house.accounts.register(ann, '192.0.2.2');
});
