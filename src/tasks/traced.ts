import { encodeId } from '../ids.ts';
import { queueLabel } from '../kinds/index.ts';
import type { Tracing } from '../tracing/index.ts';
import type { Tasks } from './index.ts';

const attributesOf = (taskId: string) => ({ 'switchyard.task.id': encodeId('Task', taskId) });

/** The same tasks, with spans for what makes a task's life: its job bears the trace from process to process. */
export function traceTasks(tasks: Tasks, tracing: Tracing): Tasks {
  return {
    ...tasks,
    submit: (submission, tier) =>
      tracing.span('submit task', { kind: 'producer' }, async (span) => {
        const submitted = await tasks.submit({ ...submission, trace: span.traceparent }, tier);
        span.set(attributesOf(submitted.taskId));
        return submitted;
      }),
    submitBatch: (batch, tier) =>
      tracing.span('submit batch', { kind: 'producer' }, async ({ traceparent: trace }) =>
        tasks.submitBatch(
          {
            ...batch,
            tasks: batch.tasks.map((task) => ({ ...task, submission: { ...task.submission, trace } })),
          },
          tier,
        ),
      ),
    async claim(request) {
      const claimed = await tasks.claim(request);
      for (const { trace: parent, lease, kind, model, claimedAt } of claimed) {
        const attributes = {
          ...attributesOf(lease.taskId),
          'switchyard.task.attempt': lease.attempt,
          'switchyard.queue': queueLabel(kind, model),
        };
        tracing.note('claim task', { kind: 'consumer', parent, attributes }, claimedAt);
      }
      return claimed;
    },
    settle: (settlement) =>
      tracing.span(
        'settle task',
        {
          attributes: { ...attributesOf(settlement.lease.taskId), 'switchyard.outcome': settlement.end.type },
        },
        () => tasks.settle(settlement),
      ),
  };
}
