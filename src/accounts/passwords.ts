import { hash, verify } from '@node-rs/argon2';

export interface Passwords {
  /** The argon2id hash, with its parameters and salt. */
  hash(password: string): Promise<string>;
  /**
   * Whether it is the password behind the hash. Without a hash (no such user, or one that has no password)
   * it takes as long, so that the time tells nothing.
   */
  verify(passwordHash: string | null, password: string): Promise<boolean>;
  /** How many passwords were compared with a hash so far: what a login costs. */
  readonly comparisons: number;
}

// argon2id is the library's default; these are OWASP's parameters for it: 19 MiB, two passes, one thread.
const parameters = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** The same text typed on two keyboards is the same password. */
const normalized = (password: string) => password.normalize('NFKC');

export function createPasswords(): Passwords {
  const hashPassword = (password: string) => hash(normalized(password), parameters);
  let decoy: Promise<string> | undefined;
  let comparisons = 0;
  return {
    hash: hashPassword,
    get comparisons() {
      return comparisons;
    },
    async verify(passwordHash, password) {
      decoy ??= hashPassword('nobody has this password');
      const compared = passwordHash ?? (await decoy);
      comparisons++;
      return (await verify(compared, normalized(password))) && passwordHash !== null;
    },
  };
}
