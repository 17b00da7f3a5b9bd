/** One of the workers that race in concurrency.test.ts, in a process of its own. */
import { openDatabase } from '../../src/database/index.ts';
import { createCarrier } from '../../src/events/index.ts';
import { createLog } from '../../src/log.ts';
import { createNodes } from '../../src/nodes/index.ts';
import { createQueue } from '../../src/queue/index.ts';
import { createTasks, type TasksOptions } from '../../src/tasks/index.ts';

export interface Race extends Pick<TasksOptions, 'tiers' | 'config'> {
  readonly url: string;
  /** How many this worker takes at once of the kind that there is. */
  readonly most: number;
}

const { url, most, tiers, config } = JSON.parse(process.argv[2] ?? '') as Race;
const log = createLog('silent');
const database = await openDatabase({ url, log, poolSize: 2, lanes: 2 });
const carrier = createCarrier({ url, log });
const nodes = createNodes({ database, carrier, log });
const queue = await createQueue({ database, log });
const tasks = createTasks({ database, queue, carrier, nodes, tiers, config, log });
const workerId = await tasks.join({ host: 'test', pid: process.pid, concurrency: 100 });

const result = { images: ['x'] };
const running = new Set<Promise<void>>();

async function isOver(): Promise<boolean> {
  const { rowCount } = await database.pool.query(`SELECT FROM task WHERE finished_at IS NULL LIMIT 1`);
  return rowCount === 0;
}

process.send?.('joined');
await new Promise((start) => process.once('message', start));
do {
  const kinds = new Map([['TEXT_TO_IMAGE', most - running.size]]);
  const claimed = await tasks.claim({ workerId, limit: 10, kinds });
  for (const { lease, queueId } of claimed) {
    const end = { type: 'succeeded', result, artifactIds: [] } as const;
    const run = tasks
      .freeSlot(lease, { gpuMs: 100 })
      .then(() => tasks.settle({ lease, queueId, gpuMs: 100, end }))
      .then(() => void running.delete(run));
    running.add(run);
  }
  if (running.size > 0) await Promise.race(running);
} while (running.size > 0 || !(await isOver()));
await tasks.close();
await queue.close();
await nodes.close();
await carrier.close();
await database.close();
process.disconnect?.();
