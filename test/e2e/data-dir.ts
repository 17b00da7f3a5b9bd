import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { makeFolder, type TestFolder } from '../support/folder.ts';

export interface DataDir extends TestFolder {
  /** Of its embedded PostgreSQL. */
  readonly cluster: string;
  /** Once a server has made it. */
  adminKey(): Promise<string>;
}

/** A data folder of its own. `await using` removes it. */
export async function makeDataDir(): Promise<DataDir> {
  const folder = await makeFolder();
  return {
    ...folder,
    cluster: path.join(folder.path, 'postgres', 'cluster'),
    adminKey: async () => (await readFile(path.join(folder.path, 'admin-key'), 'utf8')).trim(),
  };
}

/** An entry of GPU_NODES: two slots for pictures of foxes. */
export const foxNode = (url: string) => ({
  name: 'outside',
  url,
  protocol: 'openai',
  slots: 2,
  offers: [{ kind: 'TEXT_TO_IMAGE', models: ['fox'] }],
});
