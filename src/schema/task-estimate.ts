import type { Estimate, WaitingReason } from '../tasks/index.ts';
import { builder } from './builder.ts';
import { described } from './described.ts';

export const TaskEstimateType = builder.objectRef<Estimate>('TaskEstimate').implement({
  description: 'When a task is expected to start and to end; null rather than a guess',
  fields: (t) => ({
    startAt: t.expose('startAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it is expected to start; of a running task, when its attempt began',
    }),
    startAtP90: t.expose('startAtP90', {
      type: 'DateTime',
      nullable: true,
      description: 'Nine of ten start by then, as far as what waits already decides',
    }),
    completionAt: t.expose('completionAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it is expected to end; null where too few runs of its model were measured',
    }),
    completionAtP90: t.expose('completionAtP90', {
      type: 'DateTime',
      nullable: true,
      description: 'Nine of ten end by then',
    }),
  }),
});

export const WaitingReasonEnum = builder.enumType('WaitingReason', {
  values: described<WaitingReason>({
    ALL_SLOTS_BUSY: 'Every place that it could run at is taken, or one that is worth waiting for',
    NO_HEALTHY_NODE: 'No node can take tasks of its model now',
    MODEL_LOADING: 'A slot is free, but its model would have to be loaded there: waiting costs less',
    FAIR_SHARE: "Others' tasks that came later are before it, since its user has had more",
    CONCURRENCY_LIMIT: 'As many of its user, its kind or its model run as may',
    RETRY_BACKOFF: 'Its last attempt failed, and the next one is not due yet',
    SCHEDULED: 'Its start time has not come',
    DEPENDENCY: 'A task that it depends on has not succeeded yet',
  }),
});
