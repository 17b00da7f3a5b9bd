import type { Database } from '../database/index.ts';
import {
  AlreadyExistsError,
  InvalidCredentialsError,
  InvalidInputError,
  RateLimitedError,
  RefusedError,
} from '../errors.ts';
import { newId } from '../ids.ts';
import { valid } from '../validation.ts';
import type { Viewer } from './access.ts';
import { newPassword, registration } from './input.ts';
import type { Passwords } from './passwords.ts';
import type { Sessions, SignedIn } from './sessions.ts';
import type { Throttle } from './throttle.ts';
import { ADMIN_USERNAME } from './users.ts';

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export interface SignIn {
  register(input: Credentials, address: string | null): Promise<SignedIn>;
  login(input: Credentials, address: string | null): Promise<SignedIn>;
  changePassword(viewer: Viewer, input: { currentPassword: string; newPassword: string }): Promise<SignedIn>;
}

const wrong = () => new InvalidCredentialsError('the username or the password is wrong');

/** Only names that can exist get a bucket of their own. */
const MAX_USERNAME = 32;

export function createSignIn(options: {
  database: Database;
  passwords: Passwords;
  sessions: Sessions;
  throttle: Throttle;
  registration: 'open' | 'closed';
}): SignIn {
  const { passwords, sessions, throttle } = options;
  const { prisma } = options.database;

  return {
    async register(input, address) {
      if (options.registration === 'closed') {
        const message = 'registration is closed on this server; ask an administrator for an account';
        throw new InvalidInputError([{ path: '', message }]);
      }
      const { username, password } = valid(registration, input);
      await throttle.register(address);
      const taken = new AlreadyExistsError(`the username "${username}" is taken`);
      if (username === ADMIN_USERNAME) throw taken;
      const [user] = await prisma.user.createManyAndReturn({
        data: [{ id: newId(), username, passwordHash: await passwords.hash(password) }],
        skipDuplicates: true,
      });
      if (!user) throw taken;
      return sessions.open(user);
    },
    async login(input, address) {
      // Half of a character, which the cut may leave, is none that a table could keep.
      const username = input.username
        .toLowerCase()
        .slice(0, MAX_USERNAME + 1)
        .toWellFormed();
      await throttle.login(username, address);
      const user = await prisma.user.findUnique({ where: { username } });
      const right = await passwords.verify(user?.passwordHash ?? null, input.password);
      if (!user || !right) throw wrong();
      await throttle.loggedIn(username, address);
      if (user.disabled) throw new InvalidCredentialsError('the account is disabled; ask an administrator');
      return sessions.open(user);
    },
    async changePassword(viewer, input) {
      const { newPassword: password } = valid(newPassword, input);
      await throttle.login(viewer.username, null).catch((error: unknown) => {
        if (error instanceof RateLimitedError) throw new RefusedError('RATE_LIMITED', error.message);
        throw error;
      });
      const user = await prisma.user.findUniqueOrThrow({ where: { id: viewer.userId } });
      if (!(await passwords.verify(user.passwordHash, input.currentPassword))) {
        throw new InvalidCredentialsError('the current password is wrong');
      }
      await throttle.loggedIn(viewer.username, null);
      const passwordHash = await passwords.hash(password);
      const changed = await prisma.user.update({ where: { id: user.id }, data: { passwordHash } });
      const current = viewer.credential.type === 'session' ? viewer.credential.id : null;
      await sessions.revokeOthers(user.id, current);
      return current === null ? sessions.open(changed) : sessions.renew(current, changed);
    },
  };
}
