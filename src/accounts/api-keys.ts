import type { ApiKey, Database } from '../database/index.ts';
import { InvalidInputError, NotFoundError, QuotaExceededError } from '../errors.ts';
import type { Carrier } from '../events/index.ts';
import { newId } from '../ids.ts';
import { valid } from '../validation.ts';
import { apiKeyName } from './input.ts';
import { apiKeyPrefix, hashSecret, newApiKey } from './tokens.ts';

export interface ApiKeys {
  create(userId: string, input: NewApiKey): Promise<{ apiKey: ApiKey; secret: string }>;
  list(userId: string): Promise<ApiKey[]>;
  revoke(userId: string, id: string): Promise<void>;
}

export interface NewApiKey {
  readonly name: string;
  /** Null or left out: never. */
  readonly expiresAt?: Date | null | undefined;
}

/** Of one user, those that have expired left out. */
const MAX_KEYS = 100;

export function createApiKeys({ database, carrier }: { database: Database; carrier: Carrier }): ApiKeys {
  const { prisma, clock, lanes } = database;
  return {
    async create(userId, { name: givenName, expiresAt = null }) {
      const { name } = valid(apiKeyName, { name: givenName });
      if (expiresAt !== null && expiresAt <= clock.now()) {
        throw new InvalidInputError([{ path: 'expiresAt', message: 'must be in the future' }]);
      }
      const id = newId();
      const secret = newApiKey();
      await lanes.transact(async (tx) => {
        // One at a time for a user, so that the limit is exact.
        await tx.query('SELECT FROM user_account WHERE id = $1 FOR NO KEY UPDATE', [userId]);
        const inserted = await tx.query(
          `INSERT INTO api_key (id, user_id, name, prefix, hash, expires_at)
           SELECT $1, $2, $3, $4, $5, $6::timestamptz
           WHERE (SELECT count(*) FROM api_key
                  WHERE user_id = $2 AND (expires_at IS NULL OR expires_at > now())) < $7
           RETURNING id`,
          [id, userId, name, apiKeyPrefix(secret), hashSecret(secret), expiresAt, MAX_KEYS],
        );
        if (inserted.length === 0) {
          throw new QuotaExceededError(`a user has at most ${MAX_KEYS} API keys; revoke one first`, MAX_KEYS);
        }
      });
      return { apiKey: await prisma.apiKey.findUniqueOrThrow({ where: { id } }), secret };
    },
    list: (userId) => prisma.apiKey.findMany({ where: { userId }, orderBy: { id: 'desc' } }),
    async revoke(userId, id) {
      const { count } = await prisma.apiKey.deleteMany({ where: { id, userId } });
      if (count === 0) throw new NotFoundError('no API key of yours has this id');
      carrier.announce({ type: 'account', userId });
    },
  };
}
