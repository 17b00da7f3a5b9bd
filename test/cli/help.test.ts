import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { switchyard } from './command-line.ts';

const names = ['serve', 'demo', 'migrate', 'users', 'doctor', 'submit', 'watch', 'tasks', 'nodes'];

test('the overview names every command', async () => {
  const { code, stdout } = await switchyard(['--help']);
  expect(code).toBe(0);
  for (const name of names) expect(stdout).toMatch(new RegExp(`^  ${name} +\\S`, 'm'));
});

test.each(names)('switchyard %s --help tells what it takes', async (name) => {
  const { code, stdout } = await switchyard([name, '--help']);
  expect(code).toBe(0);
  expect(stdout).toContain(`switchyard ${name}`);
});

test('the help of submit lists the options that the API has for a kind', async () => {
  const { stdout } = await switchyard(['submit', 'text-to-image', '--help']);
  expect(stdout).toContain('submit text-to-image PROMPT [options]');
  for (const option of [
    '--model TEXT',
    '--steps N',
    '--seed N',
    '--priority high|low|normal|urgent',
    '--wait',
  ]) {
    expect(stdout).toContain(option);
  }
  expect(stdout).toMatch(/--seed N +The same seed and input make the same picture/);
});

test('the help of submit says where it takes a file', async () => {
  const { stdout } = await switchyard(['submit', 'image-to-3d', '--help']);
  expect(stdout).toContain('submit image-to-3d IMAGE [options]');
  expect(stdout).toContain('IMAGE is a file, a URL or the id of an artifact.');
});

test('no command at all shows the overview and is not understood', async () => {
  expect(await switchyard([])).toMatchObject({ code: 2, stdout: '' });
});

test.each([
  [['fly'], 'there is no command "fly"'],
  [['watch'], 'an argument is missing'],
  [['watch', 'task_1', 'task_2'], 'one argument too many: task_2'],
  [['nodes', '--fast'], "Unknown option '--fast'"],
  [['serve', '--role', 'king'], '--role: "king" is none of all, api, worker'],
  [['submit'], 'say what to do: '],
  [['submit', 'poem', 'roses'], '"poem" is none of '],
  [['submit', 'text-to-image', 'a fox', '--steps', 'many'], '--steps: must be a whole number, not "many"'],
  [
    ['submit', 'speech-to-text', '/no/such/file.wav'],
    '/no/such/file.wav cannot be read: ENOENT: no such file',
  ],
  [['tasks', 'eat', 'task_1'], '"eat" is none of list, show, cancel, retry, delete'],
  [
    ['tasks', 'cancel'],
    'which task? switchyard tasks cancel TASK, or name them all: switchyard tasks cancel --status queued',
  ],
  [['tasks', 'retry'], 'or name them all: switchyard tasks retry --status failed'],
  [['tasks', 'retry', 'task_1', '--task', '{'], '--task: must be JSON'],
  [['users', 'eat', 'ann'], '"eat" is none of list, create, update'],
  [['nodes', '--url', 'over there'], '--url: "over there" is no URL'],
])('%j is not understood, and it is said why', async (args, message) => {
  const { code, stderr } = await switchyard(args);
  expect(stderr).toContain(message);
  expect(code).toBe(2);
});

test('the installed command runs', async () => {
  const bin = path.join(import.meta.dirname, '../../bin/switchyard.js');
  const { stdout } = await promisify(execFile)(process.execPath, [bin, '--help']);
  expect(stdout).toContain('Usage: switchyard COMMAND');
});
