import { accountCases } from './accounts.ts';
import { batchCases } from './batches.ts';
import { generationCases } from './generations.ts';
import { knowledgeCases } from './knowledge.ts';
import type { Case } from './matrix.ts';
import { nodeCases } from './nodes.ts';
import { scheduleCases } from './schedules.ts';
import { taskCases } from './tasks.ts';
import { webhookCases } from './webhooks.ts';

export { callers, type Stage } from './matrix.ts';
export { heartbeat, newNode } from './nodes.ts';
export { ownTask } from './tasks.ts';

/** Every operation, and what becomes of it for each of the callers. */
export const cases: readonly Case[] = [
  ...batchCases,
  ...webhookCases,
  ...accountCases,
  ...taskCases,
  ...generationCases,
  ...nodeCases,
  ...scheduleCases,
  ...knowledgeCases,
];
