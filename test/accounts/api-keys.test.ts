import { expect, test, vi } from 'vitest';
import { InvalidInputError, NotFoundError, QuotaExceededError } from '../../src/errors.ts';
import { newId } from '../../src/ids.ts';
import { bearer, eventually, type TestAccounts, useAccounts } from './support.ts';

const openTestAccounts = useAccounts();
/** Nobody logs in here. */
const ann = { username: 'ann', password: null };

const lastUsed = async ({ database }: TestAccounts) => (await database.prisma.apiKey.findFirst())?.lastUsedAt;

test('an API key is told once, stored as a hash, and identifies its user', async () => {
  await using house = await openTestAccounts();
  const user = await house.accounts.createUser({ ...ann, role: 'OPERATOR', tier: 'PRO' });
  const { apiKey, secret } = await house.accounts.createApiKey(user.id, { name: ' ci ' });
  expect(secret).toMatch(/^sy_[0-9a-f]{8}_[0-9a-f]{48}$/);
  expect(apiKey).toMatchObject({
    name: 'ci',
    prefix: secret.slice(0, 11),
    expiresAt: null,
    lastUsedAt: null,
  });
  const { rows } = await house.database.pool.query('SELECT api_key::text AS row FROM api_key');
  expect(JSON.stringify(rows)).not.toContain(secret.slice(12));
  expect(await house.accounts.authenticate(bearer(secret))).toEqual({
    userId: user.id,
    username: 'ann',
    role: 'OPERATOR',
    tier: 'PRO',
    credential: { type: 'apiKey', id: apiKey.id },
    expiresAt: null,
  });
  await expect(house.accounts.authenticate(bearer(`${secret}0`))).rejects.toThrow(
    'the API key is not valid: there is none like it, or it has expired or was revoked',
  );
});

test('the last use of a key is written down, at most once a minute', async () => {
  await using house = await openTestAccounts();
  const { id } = await house.accounts.createUser(ann);
  const { secret } = await house.accounts.createApiKey(id, { name: 'ci' });
  await house.accounts.authenticate(bearer(secret));
  const first = await lastUsed(house);
  expect(first).toBeInstanceOf(Date);
  await house.sibling().authenticate(bearer(secret));
  expect(await lastUsed(house)).toEqual(first);
  await house.database.pool.query(`UPDATE api_key SET last_used_at = now() - interval '61 seconds'`);
  await house.sibling().authenticate(bearer(secret));
  expect((await lastUsed(house))?.getTime()).toBeGreaterThanOrEqual(first?.getTime() ?? 0);
});

test('a key ends when it expires, where it is remembered and where it is not', async () => {
  await using house = await openTestAccounts();
  const { id } = await house.accounts.createUser(ann);
  const { clock, pool } = house.database;
  let passedMs = 0;
  const now = () => new Date(clock.now().getTime() + passedMs);
  const accounts = house.sibling({ database: { ...house.database, clock: { ...clock, now } } });
  const expiresAt = new Date(now().getTime() + 3_600_000);
  const { secret } = await accounts.createApiKey(id, { name: 'brief', expiresAt });
  const viewer = await accounts.authenticate(bearer(secret));
  if (!viewer) throw new Error('not authenticated');
  expect(viewer.expiresAt).toEqual(expiresAt);
  expect(await accounts.recheck(viewer)).toEqual(viewer);
  passedMs = 3_600_000;
  await expect(accounts.authenticate(bearer(secret))).rejects.toThrow('has expired');
  expect(await accounts.recheck(viewer)).toBe(null);

  await pool.query("UPDATE api_key SET expires_at = now() - interval '1 second'");
  await expect(house.accounts.authenticate(bearer(secret))).rejects.toThrow('has expired');
  expect(await house.accounts.recheck(viewer)).toBe(null);
});

test('a revoked key ends at once here and in other processes; others cannot revoke it', async () => {
  await using house = await openTestAccounts();
  const { accounts } = house;
  const sibling = house.sibling();
  const { id } = await accounts.createUser(ann);
  const bob = await accounts.createUser({ ...ann, username: 'bob' });
  const { secret, apiKey } = await accounts.createApiKey(id, { name: 'ci' });
  await accounts.authenticate(bearer(secret));
  const viewer = await sibling.authenticate(bearer(secret));
  await expect(accounts.revokeApiKey(bob.id, apiKey.id)).rejects.toBeInstanceOf(NotFoundError);
  await accounts.revokeApiKey(id, apiKey.id);
  await expect(accounts.authenticate(bearer(secret))).rejects.toThrow('was revoked');
  await eventually(async () => expect(viewer && (await sibling.recheck(viewer))).toBe(null));
  await expect(accounts.revokeApiKey(id, newId())).rejects.toBeInstanceOf(NotFoundError);
  expect(await accounts.listApiKeys(id)).toEqual([]);
});

test('a change is seen within seconds even where its announcement was lost', async () => {
  await using house = await openTestAccounts();
  await house.listening;
  const { id } = await house.accounts.createUser(ann);
  const { secret } = await house.accounts.createApiKey(id, { name: 'ci' });
  // Time passes when the test says so: what is remembered is so for as long as the database takes.
  const then = performance.now();
  const time = vi.spyOn(performance, 'now').mockReturnValue(then);
  try {
    await house.accounts.authenticate(bearer(secret));
    await house.database.pool.query('DELETE FROM api_key');
    time.mockReturnValue(then + 4_999);
    expect(await house.accounts.authenticate(bearer(secret))).not.toBe(null);
    time.mockReturnValue(then + 5_000);
    await expect(house.accounts.authenticate(bearer(secret))).rejects.toThrow('was revoked');
  } finally {
    time.mockRestore();
  }
});

test('what a key cannot be is told with its field', async () => {
  await using house = await openTestAccounts();
  const { id } = await house.accounts.createUser(ann);
  const create = (name: string, expiresAt?: Date) => house.accounts.createApiKey(id, { name, expiresAt });
  await expect(create(' ')).rejects.toThrow('name: must have 1 to 100 characters');
  await expect(create('x'.repeat(101))).rejects.toBeInstanceOf(InvalidInputError);
  await expect(create('ci', new Date(0))).rejects.toThrow('expiresAt: must be in the future');
});

test('a user has at most a hundred keys, counted exactly however many are made at once', async () => {
  await using house = await openTestAccounts();
  const { id } = await house.accounts.createUser(ann);
  const ninetySeven = Array.from({ length: 97 }, (_, n) => `key ${n}`);
  await house.database.prisma.apiKey.createMany({
    data: ninetySeven.map((name) => ({
      id: newId(),
      userId: id,
      name,
      prefix: 'sy_',
      hash: Buffer.from(name),
    })),
  });
  const results = await Promise.allSettled(
    Array.from({ length: 6 }, () => house.accounts.createApiKey(id, { name: 'one more' })),
  );
  const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  expect(refused).toHaveLength(3);
  for (const error of refused) expect(error).toBeInstanceOf(QuotaExceededError);
  expect(refused[0]).toMatchObject({ limit: 100 });
});
