import pg from 'pg';
import { expect, inject, test, vi } from 'vitest';
import { createApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import { testLog } from '../support/log.ts';
import { startServer } from '../support/process.ts';

vi.setConfig({ testTimeout: 60_000 });

const JWT_SECRET = 'a secret that only tests know, and all of them';

test('a server that may not migrate an empty database says what it lacks and what to do', async () => {
  const admin = new pg.Client({ connectionString: inject('clusterUrl') });
  await admin.connect();
  await admin.query('CREATE DATABASE not_migrated');
  const url = new URL(inject('clusterUrl'));
  url.pathname = '/not_migrated';
  const config = loadConfig({
    DATABASE_URL: url.href,
    JWT_SECRET,
    MIGRATE_AT_START: 'false',
    PORT: '0',
  });
  await expect(createApp(config, testLog)).rejects.toMatchObject({
    name: 'StartError',
    message: expect.stringMatching(/lacks \d+_init.*run "switchyard migrate"/),
  });
  await admin.query('DROP DATABASE not_migrated');
  await admin.end();
});

test.concurrent.each([
  [
    'an argument that is none',
    /"--rolle api" is no argument: .*--role all\|api\|worker$/,
    {},
    ['--rolle', 'api'],
  ],
  [
    'a database that cannot be reached',
    /the database cannot be reached \(connect ECONNREFUSED .*\): see that PostgreSQL runs/,
    { DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none' },
    [],
  ],
  [
    'a node whose protocol is none',
    /The configuration is not valid:\n {2}GPU_NODES\.0\.protocol: must be one of /,
    {
      DATABASE_URL: inject('clusterUrl'),
      GPU_NODES: `[{"name":"a","url":"http://127.0.0.1:9","protocol":"morse",
        "offers":[{"kind":"TEXT_TO_IMAGE","models":["m"]}]}]`,
    },
    [],
  ],
])('a start with %s says so, and no more', async (_, told, variables, args) => {
  const refused = await startServer({ JWT_SECRET, ...variables }, args).catch(
    (error: Error) => error.message,
  );
  expect(refused).toMatch(told);
  expect(refused).not.toMatch(/^ +at /m);
});
