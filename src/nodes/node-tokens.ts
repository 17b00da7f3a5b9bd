import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Database, NodeToken } from '../database/index.ts';
import { newId } from '../ids.ts';
import { valid } from '../validation.ts';

export interface NewNodeToken {
  readonly name: string;
  /** Null or left out: never. */
  readonly expiresAt?: Date | null | undefined;
}

/** What node agents register their nodes with. A token is good for nothing else. */
export interface NodeTokens {
  /**
   * The secret is told this once; its hash is stored. A token of the same name is replaced, and its secret no
   * longer good: its nodes are the new one's. @throws InvalidInputError
   */
  create(input: NewNodeToken): Promise<{ secret: string; expiresAt: Date | null }>;
  /** The token with that secret, or null where there is none that is still good. */
  find(secret: string): Promise<Pick<NodeToken, 'id' | 'name'> | null>;
}

/** How every secret begins, so that it is told from an API key. */
const PREFIX = 'synode_';

const hashOf = (secret: string): Buffer => createHash('sha256').update(secret).digest();

/** Whether a bearer token is meant as a node token. */
export const isNodeSecret = (secret: string): boolean => secret.startsWith(PREFIX);

const WRITE = `
  INSERT INTO node_token (id, name, hash, expires_at) VALUES ($1, $2, $3, $4)
  ON CONFLICT (name) DO UPDATE SET hash = excluded.hash, expires_at = excluded.expires_at`;

const FIND = 'SELECT id, name FROM node_token WHERE hash = $1 AND (expires_at IS NULL OR expires_at > now())';

export function createNodeTokens({ pool, clock }: Database): NodeTokens {
  const newToken = z.object({
    name: z.string().trim().min(1).max(100),
    expiresAt: z
      .date()
      .nullish()
      .refine((at) => at == null || at > clock.now(), 'must be in the future'),
  });

  return {
    async create(input) {
      const { name, expiresAt = null } = valid(newToken, input);
      const secret = `${PREFIX}${randomBytes(32).toString('base64url')}`;
      await pool.query(WRITE, [newId(), name, hashOf(secret), expiresAt]);
      return { secret, expiresAt };
    },
    async find(secret) {
      if (!isNodeSecret(secret)) return null;
      const { rows } = await pool.query<Pick<NodeToken, 'id' | 'name'>>(FIND, [hashOf(secret)]);
      return rows[0] ?? null;
    },
  };
}
