import { readFile } from 'node:fs/promises';
import { parseEnv } from 'node:util';
import { expect, test } from 'vitest';
import { ConfigError, environment, loadConfig } from '../../src/config.ts';

const secret = 'a secret that is long enough, at last';

test('.env.example documents every variable, in order, and its values are the defaults', async () => {
  const example = parseEnv(await readFile('.env.example', 'utf8'));
  expect(Object.keys(example)).toEqual(expect.arrayContaining(Object.keys(environment.shape)));
  expect(Object.keys(environment.shape)).toEqual(expect.arrayContaining(Object.keys(example)));
  expect(loadConfig(example)).toEqual(loadConfig({}));
});

test('everything that is wrong is told at once, by its name', () => {
  const wrong = {
    PORT: 'eighty',
    REGISTRATION: 'maybe',
    GPU_NODES:
      '[{"name":"a","url":"http://127.0.0.1:1","protocol":"openai","offers":[{"kind":"SINGING","models":["m"]}]}]',
  };
  expect(() => loadConfig(wrong)).toThrow(ConfigError);
  const told = [
    'PORT: must be a number',
    'REGISTRATION: must be one of open, closed',
    'GPU_NODES.0.offers.0.kind: must be one of ',
  ];
  for (const line of told) expect(() => loadConfig(wrong)).toThrow(line);
});

test.for([
  [{ DATABASE_URL: 'postgresql://127.0.0.1/x' }, 'all', 'JWT_SECRET'],
  [{}, 'worker', 'DATABASE_URL'],
  [{ STORAGE_URL: 'ftp://files' }, 'all', 'STORAGE_URL'],
  [{ STORAGE_URL: 's3://No_Bucket' }, 'all', 'STORAGE_URL: must be a folder, such as file:/var'],
  [{ S3_ACCESS_KEY_ID: 'a' }, 'all', 'S3_SECRET_ACCESS_KEY: needed with S3_ACCESS_KEY_ID'],
  [{ GPU_NODES: '/nowhere.json' }, 'all', 'GPU_NODES'],
  [{ ADMIN_KEY: 'short' }, 'all', 'ADMIN_KEY'],
  [{ URL_ALLOW_HOSTS: 'minio:9000,10.0.0.0/33' }, 'all', 'URL_ALLOW_HOSTS: "10.0.0.0/33" must be a host'],
  [{ NODE_ALLOW_HOSTS: 'https://gpu-1' }, 'all', 'NODE_ALLOW_HOSTS'],
  [{ ADMIN_KEY: 'a key with spaces, which no header bears' }, 'all', 'ADMIN_KEY'],
] as const)('%j with role %s is refused because of %s', ([variables, role, name]) => {
  expect(() => loadConfig(variables, role)).toThrow(name);
});

test('nodes and tiers are read from JSON', () => {
  const config = loadConfig({
    DATABASE_URL: 'postgresql://127.0.0.1/x',
    JWT_SECRET: secret,
    GPU_NODES:
      '[{"name":"a","url":"http://127.0.0.1:1","protocol":"openai","offers":[{"kind":"TEXT_TO_IMAGE","models":["m"]}]}]',
    TIERS: '{"FREE":{"waiting":5}}',
  });
  expect(config.gpuNodes).toEqual([
    {
      name: 'a',
      url: 'http://127.0.0.1:1',
      protocol: 'openai',
      slots: 1,
      offers: [{ kind: 'TEXT_TO_IMAGE', models: ['m'] }],
    },
  ]);
  expect(config.tiers).toEqual({ FREE: { waiting: 5 } });
});

test('files are in a folder of the data, in another one, or in a bucket', () => {
  const storage = (variables: Record<string, string>) =>
    loadConfig({ DATA_DIR: '/data', ...variables }).storage;
  expect(storage({})).toEqual({ type: 'folder', folder: '/data/artifacts' });
  expect(storage({ STORAGE_URL: 'file:/files' })).toEqual({ type: 'folder', folder: '/files' });
  expect(storage({ STORAGE_URL: 's3://bucket' })).toEqual({
    ...{ type: 's3', bucket: 'bucket', prefix: '', endpoint: null, publicEndpoint: null },
    ...{ region: null, pathStyle: false, credentials: null },
  });
  const minio = {
    ...{ STORAGE_URL: 's3://bucket/some/prefix', S3_ENDPOINT: 'http://minio:9000' },
    ...{ S3_PUBLIC_ENDPOINT: 'https://files.example.org' },
    ...{ S3_ACCESS_KEY_ID: 'a', S3_SECRET_ACCESS_KEY: 'b' },
  };
  expect(storage(minio)).toEqual({
    ...{ type: 's3', bucket: 'bucket', prefix: 'some/prefix/', endpoint: 'http://minio:9000' },
    ...{ publicEndpoint: 'https://files.example.org', region: 'us-east-1', pathStyle: true },
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
  });
});
