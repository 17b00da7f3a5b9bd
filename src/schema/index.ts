import type { GraphQLSchema } from 'graphql';
import './api-key.ts';
import './artifact.ts';
import './attempt.ts';
import './batch.ts';
import { builder } from './builder.ts';
import './errors.ts';
import './event.ts';
import './event-act.ts';
import './generation.ts';
import './generation-changes.ts';
import './generation-list.ts';
import './generation-live.ts';
import './knowledge-base.ts';
import './media.ts';
import './model.ts';
import './node.ts';
import './scalars.ts';
import './schedule.ts';
import './session.ts';
import './stats.ts';
import './task.ts';
import './task-bulk.ts';
import './task-changes.ts';
import './task-list.ts';
import './task-live.ts';
import './task-submit.ts';
import './upload.ts';
import './user.ts';
import './webhook.ts';
import './webhook-changes.ts';

export type { Context, Services } from './context.ts';
export { FOR_NODES } from './node-agent.ts';
export { FOR_SIGNED_OUT } from './session.ts';

/** The GraphQL schema: the same for every app, with all that differs in the context. */
export function createSchema(): GraphQLSchema {
  return builder.toSchema();
}
