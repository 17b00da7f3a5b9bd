import path from 'node:path';
import { startServer } from '../test/support/process.ts';
import { median, scratchFolder, table } from './support.ts';

async function start(dataDir: string): Promise<number> {
  const began = performance.now();
  const server = await startServer({ DATA_DIR: dataDir });
  const seconds = (performance.now() - began) / 1000;
  const code = await server.end('SIGTERM');
  if (code !== 0) throw new Error(`the server ended with ${code}`);
  return seconds;
}

/** From the start of the process to ready: on a new data folder, and on one that exists. */
export async function startup(): Promise<string> {
  await using folder = await scratchFolder();
  const created: number[] = [];
  const existing: number[] = [];
  for (let round = 0; round < 3; round++) {
    const dataDir = path.join(folder.path, String(round));
    created.push(await start(dataDir));
    existing.push(await start(dataDir));
  }
  const row = (name: string, values: number[]): string[] => [
    name,
    median(values).toFixed(2),
    Math.max(...values).toFixed(2),
  ];
  return table(
    ['embedded database', 'median s', 'worst s'],
    [row('new', created), row('existing', existing)],
  );
}
