import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = path.join(import.meta.dirname, '../..');
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'switchyard-sdk-'));
  const tsc = path.join(root, 'node_modules/.bin/tsc');
  await promisify(execFile)(tsc, ['-p', path.join(root, 'sdk'), '--outDir', folder]);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function importsOf(extension: string): Promise<Set<string>> {
  const files = await readdir(folder, { recursive: true });
  const texts = await Promise.all(
    files.filter((file) => file.endsWith(extension)).map((file) => readFile(path.join(folder, file), 'utf8')),
  );
  return new Set(
    texts.flatMap((text) =>
      [...text.matchAll(/^(?:import|export) .*from '([^.'][^']*)'/gm)].map(([, name]) => name ?? ''),
    ),
  );
}

test('the built package imports nothing that a browser does not have', async () => {
  expect(await importsOf('.js')).toEqual(new Set(['graphql-ws/client']));
});

test('everything that its types need is among its dependencies', async () => {
  const { dependencies } = JSON.parse(await readFile(path.join(root, 'sdk/package.json'), 'utf8'));
  const types = await importsOf('.d.ts');
  expect(
    [...types].filter(
      (name) => !Object.keys(dependencies).some((known) => `${name}/`.startsWith(`${known}/`)),
    ),
  ).toEqual([]);
});

test('its package.json names files that the build makes', async () => {
  const { exports } = JSON.parse(await readFile(path.join(root, 'sdk/package.json'), 'utf8'));
  const files = await readdir(folder);
  for (const file of Object.values<string>(exports['.'])) {
    expect(files).toContain(path.basename(file));
  }
});
