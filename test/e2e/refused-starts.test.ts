import pg from 'pg';
import { expect, inject, test } from 'vitest';
import { createApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import { testLog } from '../support/log.ts';

test('a server that may not migrate an empty database says what it lacks and what to do', async () => {
  const admin = new pg.Client({ connectionString: inject('clusterUrl') });
  await admin.connect();
  await admin.query('CREATE DATABASE not_migrated');
  const url = new URL(inject('clusterUrl'));
  url.pathname = '/not_migrated';
  const config = loadConfig({
    DATABASE_URL: url.href,
    JWT_SECRET: 'a secret that only tests know, and all of them',
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
