import type { GpuNode } from '../../database/index.ts';
import type { NodeWatch } from '../node-watch.ts';
import { type Source, Wake } from '../stream.ts';

/** Every node as it is and as it becomes. Never ends by itself. */
export function nodeSource(watch: NodeWatch): Source<GpuNode> {
  const wake = new Wake();
  const pending = new Map<string, GpuNode>();
  const stop = watch.all((row) => {
    pending.set(row.id, row);
    wake.raise();
  });
  return {
    async pull(ended) {
      while (!ended.aborted) {
        for (const [id, row] of pending) {
          pending.delete(id);
          return row;
        }
        await wake.wait();
      }
      return null;
    },
    close() {
      stop();
      wake.raise();
    },
  };
}
