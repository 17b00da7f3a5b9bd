import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { buildSchema, parse, validate } from 'graphql';
import { describe, expect, test } from 'vitest';

const root = path.join(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');
const pages = globSync(['*.md', '{bench,docs,examples,sdk,simulator,src,test}/**/*.md'], {
  cwd: root,
  exclude: ['**/node_modules', '**/dist'],
}).map((file) => ({ file, text: read(file) }));

/** The first group of every match. */
const found = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, group = '']) => group);

const schema = buildSchema(read('schema.graphql'));
const scripts: object = JSON.parse(read('package.json')).scripts;
const commands = readdirSync(path.join(root, 'src/cli/commands')).map((file) => path.parse(file).name);

test('the pages are found', () => {
  expect(pages.map(({ file }) => file)).toEqual(expect.arrayContaining(['README.md', 'docs/api.md']));
});

describe.each(pages)('$file', ({ file, text }) => {
  test('links to files that exist', () => {
    const targets = found(text, /\]\((?!https?:|#)([^)#]+)[^)]*\)/g);
    expect(targets.filter((target) => !existsSync(path.join(root, path.dirname(file), target)))).toEqual([]);
  });

  test('shows GraphQL that the schema allows', () => {
    const blocks = found(text, /^```graphql\n(.*?)^```/gms);
    const inCommands = found(text, /'(\{"query":.*?\})'/g).map((body): string => JSON.parse(body).query);
    for (const document of [...blocks, ...inCommands]) expect(validate(schema, parse(document))).toEqual([]);
  });

  test('names npm scripts and commands that there are', () => {
    expect(found(text, /npm run ([\w:-]+)/g).filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
    expect(found(text, /npx switchyard (\w+)/g).filter((name) => !commands.includes(name))).toEqual([]);
  });
});

test('the architecture lists folders and files that exist', () => {
  const named = found(read('docs/architecture.md'), /`((?:src|sdk|simulator|bench|scripts)\/[\w./-]*)`/g);
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((name) => !existsSync(path.join(root, name)))).toEqual([]);
  const folders = globSync('src/*/', { cwd: root }).map((name) => `${name.replace(/\/$/, '')}/`);
  expect(folders.filter((folder) => !named.includes(folder))).toEqual([]);
});

test('the architecture gives the reason of each dependency', () => {
  const named = found(read('docs/architecture.md'), /`([@\w/.*-]+)`/g);
  const isNamed = (dependency: string) =>
    named.some((name) =>
      name.endsWith('/*') ? dependency.startsWith(name.slice(0, -1)) : name === dependency,
    );
  const { dependencies, devDependencies } = JSON.parse(read('package.json'));
  expect(
    Object.keys({ ...dependencies, ...devDependencies }).filter((dependency) => !isNamed(dependency)),
  ).toEqual([]);
});
