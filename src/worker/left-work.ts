import { NotFoundError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { ConnectedNode, Nodes } from '../nodes/index.ts';
import type { LeftWork, Tasks } from '../tasks/index.ts';
import { attemptId } from './call.ts';
import { stopAtNode } from './stop-at-node.ts';

export interface LeftWorkOptions {
  readonly tasks: Pick<Tasks, 'leftWork' | 'endLeftWork'>;
  readonly nodes: Pick<Nodes, 'connect'>;
  readonly log: Log;
}

/** Null: it was removed. */
async function connect(nodes: LeftWorkOptions['nodes'], id: string): Promise<ConnectedNode | null> {
  try {
    return await nodes.connect(id);
  } catch (error) {
    if (error instanceof NotFoundError) return null;
    throw error;
  }
}

/** Has nodes stop, where their protocols can, what they do for nobody any more. */
export async function stopLeftWork(
  { tasks, nodes, log }: LeftWorkOptions,
  signal: AbortSignal,
): Promise<void> {
  async function stop(work: LeftWork): Promise<void> {
    const { taskId, attempt, handle, nodeId } = work;
    using node = await connect(nodes, nodeId);
    const call = { attemptId: attemptId(taskId, attempt), handle, over: signal };
    const isStopped =
      node !== null && (await stopAtNode({ protocol: node.protocol, node: node.client, ...call }));
    if (signal.aborted) return;
    await tasks.endLeftWork(work, isStopped);
    if (isStopped) log.info({ taskId, attempt, nodeId }, 'a node stopped what nobody waits for');
  }

  await Promise.all((await tasks.leftWork()).map(stop));
}
