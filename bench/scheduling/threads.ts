import { once } from 'node:events';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Result, Run } from './run.ts';

/** Simulates all runs on so many threads; the results come in the order of the runs. */
export async function runAll(runs: readonly Run[], threads: number): Promise<Result[]> {
  const results: Result[] = [];
  const left = runs.entries();

  async function work(): Promise<void> {
    const worker = new Worker(path.join(import.meta.dirname, 'thread.ts'), {
      // A plan leaves nothing behind: let it all die young.
      resourceLimits: { maxYoungGenerationSizeMb: 64 },
    });
    try {
      for (const [n, run] of left) {
        worker.postMessage(run);
        const [result] = (await once(worker, 'message')) as [Result];
        results[n] = result;
      }
    } finally {
      await worker.terminate();
    }
  }

  await Promise.all(Array.from({ length: threads }, work));
  return results;
}
