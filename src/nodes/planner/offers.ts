import type { NodeView, QueueView } from './types.ts';

/** Whether the node may run the queue's tasks. */
export const offersModel = (
  { offers }: Pick<NodeView, 'offers'>,
  { kind, model }: Pick<QueueView, 'kind' | 'model'>,
): boolean => offers.some((offer) => offer.kind === kind && offer.models.includes(model));
