import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, test } from 'vitest';
import { createSimulator } from '../../simulator/index.ts';
import { openStorage } from '../../src/artifacts/index.ts';
import { startTestS3 } from '../artifacts/s3-server.ts';
import { collect } from '../artifacts/support.ts';
import { createTestDatabase } from '../support/database.ts';
import { type RunOptions, switchyard } from './command-line.ts';

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let env: NodeJS.ProcessEnv;
const closers: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database?.drop());

beforeEach(async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'switchyard-cli-'));
  closers.push(() => rm(folder, { recursive: true, force: true }));
  env = { DATABASE_URL: database.url, DATA_DIR: folder, JWT_SECRET: 'x'.repeat(32) };
});

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function run(args: string[], options: RunOptions = {}) {
  return switchyard(args, { env, ...options });
}

/** A database with nothing in it. */
async function createEmptyDatabase(): Promise<string> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  const admin = async (statement: string) => {
    const client = new pg.Client({ connectionString: inject('clusterUrl') });
    await client.connect();
    await client.query(statement);
    await client.end();
  };
  await admin(`CREATE DATABASE ${name}`);
  closers.push(() => admin(`DROP DATABASE ${name} WITH (FORCE)`));
  const url = new URL(inject('clusterUrl'));
  url.pathname = `/${name}`;
  return url.href;
}

test('users create makes an admin with a key, or a user with a password', async () => {
  const admin = await run(['users', 'create', 'eve', '--role', 'admin', '--json']);
  expect(admin.code).toBe(0);
  expect(JSON.parse(admin.stdout)).toMatchObject({
    id: expect.stringMatching(/^user_/),
    username: 'eve',
    role: 'ADMIN',
    tier: 'FREE',
    apiKey: expect.stringMatching(/^\S{24,}$/),
  });
  const user = await run(['users', 'create', 'bob', '--tier', 'pro', '--password-stdin'], {
    stdin: 'correct horse\n',
  });
  expect(user).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^created bob \(USER, PRO\): user_\w+\n$/),
  });
});

test('users update changes a user by name, and users list shows it', async () => {
  await run(['users', 'create', 'ann']);
  expect(await run(['users', 'update', 'Ann', '--role', 'operator', '--disable'])).toMatchObject({
    code: 0,
    stdout: 'ann is now OPERATOR, FREE, disabled\n',
  });
  const { stdout } = await run(['users', 'list', '--json']);
  const ann = { username: 'ann', role: 'OPERATOR', disabled: true };
  expect(JSON.parse(stdout)).toContainEqual(expect.objectContaining(ann));
});

test.each([
  [['users', 'create', 'ann'], 1, 'the username "ann" is taken'],
  [['users', 'create', 'a b'], 1, 'username: must be 3 to 32 characters'],
  [['users', 'create', 'bob', '--role', 'king'], 2, '--role: "king" is none of user, operator, admin'],
  [['users', 'update', 'nobody', '--enable'], 1, 'there is no user "nobody"'],
  [['users', 'update', 'ann'], 2, 'nothing to change'],
  [['users', 'update', 'ann', '--enable', '--disable'], 2, '--disable or --enable, not both'],
])('%j fails in words that help', async (args, code, message) => {
  await run(['users', 'create', 'ann']);
  expect(await run(args)).toMatchObject({ code, stderr: expect.stringContaining(message) });
});

test('migrate brings an empty database up to date, once', async () => {
  env.DATABASE_URL = await createEmptyDatabase();
  expect(await run(['migrate'])).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^applied \d+_init$/m),
  });
  expect(await run(['migrate'])).toMatchObject({ code: 0, stdout: 'the database is up to date\n' });
});

test('doctor finds nothing wrong where nothing is', async () => {
  await using node = await createSimulator({ protocol: 'FAST_WHISPER' });
  env.GPU_NODES = gpuNodes({ name: 'ears', url: node.url, protocol: 'fast-whisper' });
  const { code, stdout } = await run(['doctor']);
  expect(stdout).not.toContain('FAIL');
  expect(stdout).toContain(`node ears: ready at ${node.url}`);
  expect(code).toBe(0);
});

test('doctor puts a file into S3, and takes it away again; and says how to mend what is wrong there', async () => {
  await using s3 = await startTestS3();
  Object.assign(env, s3.variables);
  expect((await run(['doctor'])).stdout).toContain('ok    storage: s3://switchyard/artifacts/');
  const storage = await openStorage(s3.location('artifacts/'));
  closers.push(async () => storage.close());
  expect(await collect(storage.list())).toEqual([]);
  env.STORAGE_URL = 's3://nowhere';
  const { code, stdout } = await run(['doctor']);
  expect(code).toBe(1);
  expect(stdout).toContain('FAIL  storage: The specified bucket does not exist');
  expect(stdout).toContain(
    'that the bucket nowhere is there, and that the keys may put, get, list and delete in it',
  );
});

test('doctor says what is wrong with nodes, and how to mend it', async () => {
  await using loading = await createSimulator({ protocol: 'QWEN_IMAGE_GGUF', ready: false });
  const gone = await createSimulator({ protocol: 'FAST_WHISPER' });
  await gone.close();
  env.GPU_NODES = gpuNodes(
    { name: 'loading', url: loading.url, protocol: 'QWEN_IMAGE_GGUF', kind: 'TEXT_TO_IMAGE' },
    { name: 'gone', url: gone.url, protocol: 'FAST_WHISPER' },
    { name: 'odd', url: gone.url, protocol: 'telepathy' },
  );
  const { code, stdout } = await run(['doctor', '--json']);
  expect(code).toBe(1);
  expect(JSON.parse(stdout).filter(({ ok }: { ok: boolean }) => !ok)).toMatchObject([
    {
      part: 'node loading',
      detail: expect.stringContaining('not ready'),
      remedy: expect.stringContaining(loading.url),
    },
    { part: 'node gone', remedy: expect.stringContaining(gone.url) },
    {
      part: 'node odd',
      detail: 'no such protocol: telepathy',
      remedy: expect.stringContaining('fast-whisper'),
    },
  ]);
});

test('doctor says which of GPU_NODES and of the workflows no server would start with', async () => {
  await using ready = await createSimulator({ protocol: 'OPENAI' });
  const offers = [{ kind: 'IMAGE_TO_3D', models: ['m'] }];
  env.GPU_NODES = JSON.stringify([
    { name: 'wrong', url: ready.url, protocol: 'openai', offers },
    { name: 'login', url: 'http://user:password@127.0.0.1:9', protocol: 'hunyuan3d', offers },
  ]);
  expect((await run(['doctor'])).stdout).toMatch(/ok {4}workflows: none in /);
  const folder = path.join(env.DATA_DIR ?? '', 'workflows', 'text-to-image');
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, 'flux.json'), '{}');
  const { code, stdout } = await run(['doctor']);
  expect(code).toBe(1);
  expect(stdout).toMatch(/FAIL {2}node wrong: offers\.0\.kind: OPENAI does .* only\n {6}-> .*GPU_NODES/);
  expect(stdout).toMatch(/FAIL {2}node login: url: may bear no user name or password; use token/);
  expect(stdout).toMatch(/FAIL {2}workflows: .*\n {2}text-to-image\/flux\.json: /);
});

test('doctor tells a database that is not up to date, and changes nothing', async () => {
  env.DATABASE_URL = await createEmptyDatabase();
  expect((await run(['doctor'])).stdout).toMatch(/ok {4}migrations: the next start applies \d+_init/);
  env.MIGRATE_AT_START = 'false';
  const { code, stdout } = await run(['doctor']);
  expect(code).toBe(1);
  expect(stdout).toMatch(/FAIL {2}migrations: not applied: \d+_init/);
  expect(stdout).toContain('-> run "switchyard migrate"');
  expect((await run(['doctor'])).stdout).toContain('FAIL  migrations');
});

test('doctor tells a database that cannot be reached', async () => {
  env.DATABASE_URL = 'postgresql://nobody@127.0.0.1:1/none';
  const { code, stdout } = await run(['doctor']);
  expect(code).toBe(1);
  expect(stdout).toMatch(/FAIL {2}database: .*ECONNREFUSED/);
  expect(stdout).toContain('ok    storage');
  expect(stdout).toMatch(/FAIL {2}nodes: .*unknown without the database/);
});

test('doctor lists everything that is wrong with the configuration', async () => {
  const { code, stdout } = await run(['doctor'], { env: { PORT: 'x', REGISTRATION: 'maybe' } });
  expect(code).toBe(1);
  expect(stdout).toContain('FAIL  configuration: PORT');
  expect(stdout).toContain('FAIL  configuration: REGISTRATION');
  expect(stdout).toContain('.env.example');
});

function gpuNodes(...nodes: { name: string; url: string; protocol: string; kind?: string }[]): string {
  return JSON.stringify(
    nodes.map(({ kind = 'SPEECH_TO_TEXT', ...node }) => ({ ...node, offers: [{ kind, models: ['any'] }] })),
  );
}
