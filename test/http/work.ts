import type { GpuNode } from '../../src/database/index.ts';
import type { AttemptEnd, Claimed } from '../../src/tasks/index.ts';
import type { Api } from './support.ts';

/** A healthy node for pictures and speech; nobody calls it. */
export async function registerNode({ services }: Api, name = 'node', slots = 4): Promise<GpuNode> {
  const { id } = await services.nodes.register({
    name,
    url: 'http://127.0.0.1:9',
    protocol: 'OPENAI',
    slots,
    offers: [
      { kind: 'TEXT_TO_IMAGE', models: ['qwen-image'] },
      { kind: 'SPEECH_TO_TEXT', models: ['whisper'] },
    ],
  });
  return services.database.prisma.gpuNode.update({ where: { id }, data: { healthy: true } });
}

/** What a worker does, step by step. */
export interface Work {
  /** Starts whatever waits. */
  start(): Promise<readonly Claimed[]>;
  finish(claimed: Claimed, end: AttemptEnd): Promise<void>;
  /** Starts what waits, and succeeds with a picture for each. */
  succeedAll(): Promise<void>;
}

export async function joinWork({ services }: Api): Promise<Work> {
  const { tasks, artifacts, database } = services;
  const workerId = await tasks.join({ host: 'test', pid: process.pid, concurrency: 1_000 });
  // Nobody renews it, and a test on a busy machine may take longer than a lease.
  await database.pool.query("UPDATE worker SET lease_until = now() + interval '1 day' WHERE id = $1", [
    workerId,
  ]);

  const start = () => tasks.claim({ workerId, limit: 1_000 });

  async function finish({ lease, queueId }: Claimed, end: AttemptEnd): Promise<void> {
    await tasks.settle({ lease, queueId, end, gpuMs: 1_500 });
    await tasks.freeSlot(lease, { gpuMs: 1_500 });
  }

  return {
    start,
    finish,
    async succeedAll() {
      for (let claimed = await start(); claimed.length > 0; claimed = await start()) {
        const succeed = async (one: Claimed): Promise<void> => {
          const { id } = await artifacts.save({ userId: one.userId, bytes: pixel });
          const result = { images: [id], seed: 7 };
          await finish(one, { type: 'succeeded', result, artifactIds: [id] });
        };
        await Promise.all(claimed.map(succeed));
      }
    },
  };
}

/** A PNG of one pixel. */
export const pixel = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

export const failure: AttemptEnd = {
  type: 'failed',
  outcome: 'FAILED',
  error: { code: 'NODE_REJECTED', message: 'no such size', retryable: false, attempt: 1 },
  spendsAttempt: true,
  retryAfterMs: null,
};
