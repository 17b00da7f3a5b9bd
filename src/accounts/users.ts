import type { Database, Role, Tier, User } from '../database/index.ts';
import { AlreadyExistsError, InvalidInputError, NotFoundError } from '../errors.ts';
import type { Carrier } from '../events/index.ts';
import { newId } from '../ids.ts';
import { valid } from '../validation.ts';
import { newUser } from './input.ts';
import type { Passwords } from './passwords.ts';
import { apiKeyPrefix, hashSecret, newApiKey } from './tokens.ts';

export interface NewUser {
  readonly username: string;
  /** Null: no login, only API keys. */
  readonly password: string | null;
  readonly role?: Role;
  readonly tier?: Tier;
}

/** What is left out or null stays as it is. */
export interface UserChanges {
  readonly role?: Role | null | undefined;
  readonly tier?: Tier | null | undefined;
  readonly disabled?: boolean | null | undefined;
}

export interface UserPage {
  /** Part of the username; case does not matter. */
  readonly search?: string | null | undefined;
  /** Id of the user before the first. */
  readonly after?: string | null | undefined;
  readonly first: number;
}

export interface Users {
  create(input: NewUser): Promise<User>;
  update(id: string, changes: UserChanges): Promise<User>;
  find(id: string): Promise<User | null>;
  list(page: UserPage): Promise<{ users: User[]; hasNextPage: boolean }>;
  ensureAdminKey(key: string | null): Promise<string>;
}

/** Nobody can register it: it is the owner of the key that the machine's operator holds. */
export const ADMIN_USERNAME = 'admin';
const ADMIN_KEY_NAME = 'admin-key';

/** `%` and `_` are ordinary characters of a search. */
const literally = (search: string) => search.toLowerCase().replace(/[\\%_]/g, '\\$&');

export function createUsers(options: { database: Database; carrier: Carrier; passwords: Passwords }): Users {
  const { database, carrier, passwords } = options;
  const { prisma, lanes, pool } = database;

  /** Changes the row, unless no working admin were left. */
  async function change(id: string, changes: UserChanges): Promise<'changed' | 'last admin'> {
    return lanes.transact(async (tx) => {
      // Held to the end, so that two admins cannot demote each other at the same time.
      const admins = await tx.query<{ id: string }>(
        `SELECT id FROM user_account WHERE role = 'ADMIN' AND NOT disabled ORDER BY id FOR NO KEY UPDATE`,
      );
      const stops = changes.disabled === true || (changes.role ?? 'ADMIN') !== 'ADMIN';
      if (stops && admins.length === 1 && admins[0]?.id === id) return 'last admin';
      await tx.query(
        `UPDATE user_account SET role = coalesce($2::role, role), tier = coalesce($3::tier, tier),
                                 disabled = coalesce($4::boolean, disabled) WHERE id = $1`,
        [id, changes.role ?? null, changes.tier ?? null, changes.disabled ?? null],
      );
      return 'changed';
    });
  }

  async function ensureAdmin(): Promise<string> {
    const { rows } = await pool.query<{ id: string }>(
      `INSERT INTO user_account (id, username, role, tier) VALUES ($1, $2, 'ADMIN', 'VIP')
       ON CONFLICT (username) DO UPDATE SET role = 'ADMIN', disabled = false RETURNING id`,
      [newId(), ADMIN_USERNAME],
    );
    const id = rows[0]?.id;
    if (id === undefined) throw new Error('the admin was not written');
    return id;
  }

  return {
    async create(input) {
      const { username, password } = valid(newUser, input);
      const { role = 'USER', tier = 'FREE' } = input;
      const passwordHash = password === null ? null : await passwords.hash(password);
      const [user] = await prisma.user.createManyAndReturn({
        data: [{ id: newId(), username, passwordHash, role, tier }],
        skipDuplicates: true,
      });
      if (!user) throw new AlreadyExistsError(`the username "${username}" is taken`);
      return user;
    },
    async update(id, changes) {
      if ((await change(id, changes)) === 'last admin') {
        const path = changes.disabled === true ? 'disabled' : 'role';
        const message = 'this is the last admin who can log in; make somebody else an admin first';
        throw new InvalidInputError([{ path, message }]);
      }
      const user = await prisma.user.findUnique({ where: { id } });
      if (!user) throw new NotFoundError('no user has this id');
      carrier.announce({ type: 'account', userId: id });
      return user;
    },
    find: (id) => prisma.user.findUnique({ where: { id } }),
    async list({ search, after, first }) {
      const users = await prisma.user.findMany({
        where: {
          ...(search ? { username: { contains: literally(search) } } : {}),
          ...(after ? { id: { gt: after } } : {}),
        },
        orderBy: { id: 'asc' },
        take: first + 1,
      });
      return { users: users.slice(0, first), hasNextPage: users.length > first };
    },
    async ensureAdminKey(given) {
      const userId = await ensureAdmin();
      const key = given ?? newApiKey();
      await lanes.transact(async (tx) => {
        await tx.query(
          `INSERT INTO api_key (id, user_id, name, prefix, hash) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (hash) DO NOTHING`,
          [newId(), userId, ADMIN_KEY_NAME, apiKeyPrefix(key), hashSecret(key)],
        );
        await tx.query('DELETE FROM api_key WHERE user_id = $1 AND name = $2 AND hash <> $3', [
          userId,
          ADMIN_KEY_NAME,
          hashSecret(key),
        ]);
      });
      carrier.announce({ type: 'account', userId });
      return key;
    },
  };
}
