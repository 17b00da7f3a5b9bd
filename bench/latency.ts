import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Pool } from 'undici';
import { createSimulator } from '../simulator/index.ts';
import { startServer } from '../test/support/process.ts';
import { percentile, scratchFolder, table } from './support.ts';

const ROUNDS = 400;
const SUBMIT = `mutation {
  submitTask(input: { task: { textToImage: { prompt: "a fox", width: 16, height: 16 } }, waitMs: 5000 }) {
    ... on Task { id status }
  }
}`;

/** One task at a time on an idle server: from before the request to the node's receipt, and to the result. */
export async function latency(): Promise<string> {
  await using folder = await scratchFolder();
  await using simulator = await createSimulator({ protocol: 'QWEN_IMAGE_GGUF', side: 16 });
  const node = { name: 'sim', url: simulator.url, protocol: 'qwen-image-gguf' };
  const dataDir = path.join(folder.path, 'data');
  await using server = await startServer({
    DATA_DIR: dataDir,
    LOG_LEVEL: 'info',
    GPU_NODES: JSON.stringify([{ ...node, offers: [{ kind: 'TEXT_TO_IMAGE', models: ['qwen-image'] }] }]),
  });
  const token = (await readFile(path.join(dataDir, 'admin-key'), 'utf8')).trim();
  const pool = new Pool(server.url, { connections: 1 });
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
  const body = JSON.stringify({ query: SUBMIT });
  const toNode: number[] = [];
  const toResult: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const began = performance.now();
    const answer = await pool.request({ method: 'POST', path: '/graphql', headers, body });
    const text = await answer.body.text();
    if (!text.includes('SUCCEEDED')) throw new Error(text);
    toResult.push(performance.now() - began);
    const call = await simulator.received(round + 1);
    toNode.push(call.receivedAt - began);
  }
  await pool.close();
  // The first ones compile the code and plan the statements.
  const row = (name: string, values: number[]): string[] => {
    const warm = values.slice(ROUNDS / 2);
    return [name, percentile(warm, 0.5).toFixed(1), percentile(warm, 0.99).toFixed(1)];
  };
  return table(
    ['one task on an idle server', 'p50 ms', 'p99 ms'],
    [row('submit to the node’s receipt', toNode), row('submit to the answer with the final task', toResult)],
  );
}
