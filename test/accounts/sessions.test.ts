import { SignJWT } from 'jose';
import { expect, test } from 'vitest';
import { InvalidCredentialsError, RefusedError } from '../../src/errors.ts';
import { ann, bearer, eventually, jwtSecret, slowLimits, useAccounts } from './support.ts';

const openTestAccounts = useAccounts();

const unauthenticated = (message: string) =>
  expect.objectContaining({ code: 'UNAUTHENTICATED', message: expect.stringContaining(message) });

test('a request without authorization is anonymous; one with another scheme is refused', async () => {
  await using house = await openTestAccounts();
  const { authenticate } = house.accounts;
  expect(await authenticate(undefined)).toBe(null);
  expect(await authenticate(null)).toBe(null);
  expect(await authenticate('')).toBe(null);
  const form = unauthenticated('must be "Bearer" and an access token or API key');
  for (const bad of ['Basic YW5uOng=', 'Bearer', 'Bearer ', 'Bearer a b', 'sy_123']) {
    await expect(authenticate(bad)).rejects.toEqual(form);
  }
  await expect(authenticate('bearer nothing-like-it')).rejects.toBeInstanceOf(RefusedError);
});

test('access tokens that are foreign, altered, unsigned or expired are refused', async () => {
  await using house = await openTestAccounts();
  const { accessToken, user } = await house.accounts.register(ann, null);
  const viewer = await house.accounts.authenticate(bearer(accessToken));
  const make = (changes: { key?: Uint8Array; audience?: string; exp?: number } = {}) =>
    new SignJWT({ sid: viewer?.credential.id })
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject(user.id)
      .setIssuer('switchyard')
      .setAudience(changes.audience ?? 'switchyard')
      .setExpirationTime(changes.exp ?? Math.floor(Date.now() / 1000) + 60)
      .sign(changes.key ?? jwtSecret);
  const check = async (token: string) => house.accounts.authenticate(bearer(token));
  expect((await check(await make()))?.userId).toBe(user.id);
  const invalid = unauthenticated('the access token is not valid');
  await expect(check(await make({ key: new Uint8Array(32).fill(9) }))).rejects.toEqual(invalid);
  await expect(check(await make({ audience: 'elsewhere' }))).rejects.toEqual(invalid);
  const [, payload] = accessToken.split('.');
  await expect(check(`eyJhbGciOiJub25lIn0.${payload}.x`)).rejects.toEqual(invalid);
  const past = Math.floor(Date.now() / 1000) - 60;
  await expect(check(await make({ exp: past }))).rejects.toEqual(unauthenticated('has expired'));
});

test('a token that ends while it is remembered is refused from that moment', async () => {
  await using house = await openTestAccounts();
  const { accessToken } = await house.accounts.register(ann, null);
  const viewer = await house.accounts.authenticate(bearer(accessToken));
  if (!viewer) throw new Error('not authenticated');
  expect(await house.accounts.recheck({ ...viewer, expiresAt: house.database.clock.now() })).toBe(null);
});

test('a refresh token is good once, and gives a pair of new ones', async () => {
  await using house = await openTestAccounts();
  const first = await house.accounts.register(ann, null);
  const second = await house.accounts.refresh(first.refreshToken);
  expect(second.refreshToken).not.toBe(first.refreshToken);
  const third = await house.accounts.refresh(second.refreshToken);
  expect(await house.accounts.authenticate(bearer(third.accessToken))).toMatchObject({ username: 'ann' });
  await expect(house.accounts.refresh('no such token')).rejects.toBeInstanceOf(InvalidCredentialsError);
});

test('two refreshes that race are given the same next token, and the session lives on', async () => {
  await using house = await openTestAccounts();
  const { refreshToken } = await house.accounts.register(ann, null);
  const pairs = await Promise.all(Array.from({ length: 5 }, () => house.accounts.refresh(refreshToken)));
  const tokens = new Set(pairs.map((pair) => pair.refreshToken));
  expect(tokens.size).toBe(1);
  for (const token of tokens) await house.accounts.refresh(token);
});

test('a refresh token used again later ends its session on every process, and no other', async () => {
  await using house = await openTestAccounts();
  const sibling = house.sibling();
  const stolen = await house.accounts.register(ann, null);
  const other = await house.accounts.login(ann, null);
  const latest = await house.accounts.refresh(stolen.refreshToken);
  const viewer = await sibling.authenticate(bearer(latest.accessToken));
  if (!viewer) throw new Error('not authenticated');
  // As if the rotation had been a minute ago.
  await house.database.pool.query(`UPDATE session SET expires_at = expires_at - interval '1 minute'`);
  await expect(house.accounts.refresh(stolen.refreshToken)).rejects.toThrow('it was used before');
  await expect(house.accounts.refresh(latest.refreshToken)).rejects.toBeInstanceOf(InvalidCredentialsError);
  await expect(house.accounts.authenticate(bearer(latest.accessToken))).rejects.toEqual(
    unauthenticated('the session has ended'),
  );
  await eventually(async () => expect(await sibling.recheck(viewer)).toBe(null));
  await house.accounts.refresh(other.refreshToken);
});

test('a refresh token used again ends its session however many have followed it', async () => {
  await using house = await openTestAccounts();
  const { accounts } = house;
  const stolen = await accounts.register(ann, null);
  let latest = stolen;
  for (let n = 0; n < 3; n++) latest = await accounts.refresh(latest.refreshToken);
  await expect(accounts.refresh(stolen.refreshToken)).rejects.toThrow('it was used before');
  await expect(accounts.refresh(latest.refreshToken)).rejects.toBeInstanceOf(InvalidCredentialsError);
});

test('nobody ends a session with a refresh token that was never given out', async () => {
  await using house = await openTestAccounts();
  const { accounts } = house;
  const { refreshToken } = await accounts.register(ann, null);
  const bytes = Buffer.from(refreshToken, 'base64url');
  for (const index of [20, bytes.length - 1]) {
    const forged = Buffer.from(bytes);
    forged.writeUInt8(forged.readUInt8(index) ^ 1, index);
    await expect(accounts.refresh(forged.toString('base64url'))).rejects.toThrow(InvalidCredentialsError);
    await expect(accounts.logout(forged.toString('base64url'))).rejects.toThrow(InvalidCredentialsError);
  }
  await expect(accounts.refresh(`${refreshToken}\n`)).rejects.toThrow(InvalidCredentialsError);
  await accounts.refresh(refreshToken);
});

test('the refresh token of a disabled user is good again when the user is', async () => {
  await using house = await openTestAccounts();
  const { accounts } = house;
  const { refreshToken, user } = await accounts.register(ann, null);
  await accounts.updateUser(user.id, { disabled: true });
  await expect(accounts.refresh(refreshToken)).rejects.toThrow(InvalidCredentialsError);
  await accounts.updateUser(user.id, { disabled: false });
  await accounts.refresh(refreshToken);
});

test('an expired session cannot be refreshed', async () => {
  await using house = await openTestAccounts();
  const { refreshToken } = await house.accounts.register(ann, null);
  await house.database.pool.query("UPDATE session SET expires_at = now() - interval '1 ms'");
  await expect(house.accounts.refresh(refreshToken)).rejects.toBeInstanceOf(InvalidCredentialsError);
});

test('logging out ends the session, once', async () => {
  await using house = await openTestAccounts();
  const { refreshToken, accessToken } = await house.accounts.register(ann, null);
  await house.accounts.authenticate(bearer(accessToken));
  expect(await house.accounts.logout(refreshToken)).toMatchObject({ username: 'ann' });
  await expect(house.accounts.authenticate(bearer(accessToken))).rejects.toEqual(
    unauthenticated('the session has ended'),
  );
  await expect(house.accounts.logout(refreshToken)).rejects.toBeInstanceOf(InvalidCredentialsError);
});

test('a changed password ends the other sessions, keeps this one and the API keys, and gives new tokens', async () => {
  await using house = await openTestAccounts();
  const { accounts } = house;
  const here = await accounts.register(ann, null);
  const there = await accounts.login(ann, null);
  const { secret } = await accounts.createApiKey(here.user.id, { name: 'ci' });
  const viewer = await accounts.authenticate(bearer(here.accessToken));
  if (!viewer) throw new Error('not authenticated');
  const next = 'another horse battery';
  const changed = await accounts.changePassword(viewer, {
    currentPassword: ann.password,
    newPassword: next,
  });
  expect(await accounts.authenticate(bearer(changed.accessToken))).toMatchObject({ username: 'ann' });
  expect(await accounts.recheck(viewer)).toEqual(viewer);
  expect(await accounts.authenticate(bearer(secret))).toMatchObject({ username: 'ann' });
  await accounts.refresh(changed.refreshToken);
  for (const { refreshToken } of [here, there]) {
    await expect(accounts.refresh(refreshToken)).rejects.toBeInstanceOf(InvalidCredentialsError);
  }
  await expect(accounts.login(ann, null)).rejects.toBeInstanceOf(InvalidCredentialsError);
  await accounts.login({ ...ann, password: next }, null);
});

test('a password is changed only by who knows it, and guessing is bounded', async () => {
  await using house = await openTestAccounts({ attemptLimits: slowLimits });
  const { accounts } = house;
  const { accessToken } = await accounts.register(ann, null);
  const viewer = await accounts.authenticate(bearer(accessToken));
  if (!viewer) throw new Error('not authenticated');
  const change = (currentPassword: string, newPassword: string) =>
    accounts.changePassword(viewer, { currentPassword, newPassword });
  await expect(change(ann.password, 'short')).rejects.toThrow('newPassword: must have 8 to 200 characters');
  for (let n = 0; n < 10; n++) {
    await expect(change('not that one', 'long enough')).rejects.toBeInstanceOf(InvalidCredentialsError);
  }
  await expect(change(ann.password, 'long enough')).rejects.toMatchObject({ code: 'RATE_LIMITED' });
});

test('housekeeping removes what ended long ago', async () => {
  await using house = await openTestAccounts();
  const { accounts, database } = house;
  const { user, refreshToken } = await accounts.register(ann, '192.0.2.1');
  await accounts.login(ann, null);
  await accounts.createApiKey(user.id, { name: 'old', expiresAt: new Date(Date.now() + 60_000) });
  await accounts.createApiKey(user.id, { name: 'lasting' });
  await accounts.logout(refreshToken);
  expect(await accounts.removeExpired()).toEqual({ sessions: 0, apiKeys: 0, buckets: 0 });
  await database.pool.query(`
    UPDATE session SET revoked_at = revoked_at - interval '2 days';
    UPDATE api_key SET expires_at = expires_at - interval '2 days';
    UPDATE token_bucket SET updated_at = updated_at - interval '2 days'`);
  expect(await accounts.removeExpired()).toEqual({ sessions: 1, apiKeys: 1, buckets: 2 });
  expect((await accounts.listApiKeys(user.id)).map(({ name }) => name)).toEqual(['lasting']);
});
