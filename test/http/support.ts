import { expect, vi } from 'vitest';
import { createClosers } from '../../src/closers.ts';
import { loadConfig } from '../../src/config.ts';
import type { Role, Tier, User } from '../../src/database/index.ts';
import { type ApiLimits, createHttpServer, type HttpServer } from '../../src/http/index.ts';
import type { Log } from '../../src/log.ts';
import { type OpenServices, openServices } from '../../src/services.ts';
import { createTestDatabase } from '../support/database.ts';
import { makeFolder } from '../support/folder.ts';
import { testLog } from '../support/log.ts';

export { capturedLog } from '../support/log.ts';

/** JSON that a test looks into. */
export type Json = { readonly [name: string]: Json } & { readonly [index: number]: Json };

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly data: Json;
  readonly errors: readonly {
    readonly message: string;
    readonly path?: readonly string[];
    readonly extensions: { readonly code: string; readonly [name: string]: unknown };
  }[];
}

export interface Person {
  readonly user: User;
  /** An API key: it does not expire in a test. */
  readonly key: string;
}

/** The API on a port of its own, without a worker: what is submitted waits. */
export interface Api extends AsyncDisposable {
  readonly url: string;
  readonly http: HttpServer;
  readonly services: OpenServices;
  person(role?: Role, tier?: Tier): Promise<Person>;
  /** Sends an operation as JSON. */
  send(query: string, options?: SendOptions): Promise<Answer>;
}

export interface SendOptions {
  readonly as?: Person | undefined;
  readonly variables?: object;
  readonly headers?: Record<string, string>;
}

export interface ApiOptions {
  readonly variables?: Record<string, string>;
  readonly limits?: ApiLimits;
  readonly log?: Log;
  /** Where to find the database, given where it is. */
  readonly via?: (url: string) => Promise<string>;
}

export async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const body = text.startsWith('{') ? JSON.parse(text) : {};
  return { status: response.status, headers: response.headers, data: body.data, errors: body.errors ?? [] };
}

/** The headers that say who asks. */
export function bearer(person: Person | undefined): Record<string, string> {
  return person === undefined ? {} : { authorization: `Bearer ${person.key}` };
}

export async function startApi({
  variables = {},
  limits = {},
  log = testLog,
  via = async (at) => at,
}: ApiOptions = {}): Promise<Api> {
  const closers = createClosers();
  const folder = await makeFolder();
  closers.add(() => folder[Symbol.asyncDispose]());
  const database = await createTestDatabase();
  closers.add(database.drop);
  const config = loadConfig({
    DATABASE_URL: database.url,
    DATA_DIR: folder.path,
    JWT_SECRET: 'a secret that only tests know, and all of them',
    PORT: '0',
    ...variables,
  });
  let url = '';
  const services = await openServices({
    config,
    databaseUrl: await via(database.url),
    secret: 'a secret that only tests know, and all of them',
    publicUrl: () => url,
    log,
    closers,
  });
  const http = await createHttpServer({ services, config, log, limits });
  url = `http://127.0.0.1:${await http.listen()}`;
  closers.add(() => http.drain(1_000));
  let people = 0;

  return {
    url,
    http,
    services,
    async person(role = 'USER', tier = 'FREE') {
      const username = `person-${++people}`;
      const user = await services.accounts.createUser({ username, password: null, role, tier });
      const { secret } = await services.accounts.createApiKey(user.id, { name: 'test', expiresAt: null });
      return { user, key: secret };
    },
    async send(query, { as, variables: values = {}, headers = {} } = {}) {
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...bearer(as), ...headers },
        body: JSON.stringify({ query, variables: values }),
      });
      return answerOf(response);
    },
    [Symbol.asyncDispose]: closers.close,
  };
}

/** An API key in its last moment, which lasts until the test says so. */
export async function keyThatExpires({ services }: Api, { user }: Person) {
  const { accounts, database } = services;
  const expiresAt = new Date(database.clock.now().getTime() + 3_600_000);
  const { secret } = await accounts.createApiKey(user.id, { name: 'short', expiresAt });
  const time = vi.spyOn(database.clock, 'now').mockReturnValue(new Date(expiresAt.getTime() - 10));
  return {
    headers: { authorization: `Bearer ${secret}` },
    expire: () => void time.mockReturnValue(expiresAt),
    restore: () => time.mockRestore(),
  };
}

/** The one error of an answer. */
export function refusal({ errors }: Pick<Answer, 'errors'>) {
  expect(errors).toHaveLength(1);
  const [error] = errors;
  return { code: error?.extensions.code, message: error?.message };
}
