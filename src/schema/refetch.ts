import { canSee, isAdmin, isOperator, type Viewer } from '../accounts/index.ts';
import type { IdType } from '../ids.ts';
import type { Context } from './context.ts';

type Rule = (viewer: Viewer, row: { readonly id: string; readonly userId: string }) => boolean;

/** Who gets an object by its id alone. */
const rules: Record<IdType, Rule> = {
  Task: (viewer, { userId }) => canSee(viewer, userId),
  Artifact: (viewer, { userId }) => canSee(viewer, userId),
  Batch: (viewer, { userId }) => canSee(viewer, userId),
  Schedule: (viewer, { userId }) => canSee(viewer, userId),
  Generation: (viewer, { userId }) => canSee(viewer, userId),
  ApiKey: (viewer, { userId }) => viewer.userId === userId,
  // A URL may bear a secret.
  Webhook: (viewer, { userId }) => viewer.userId === userId,
  User: (viewer, { id }) => viewer.userId === id || isAdmin(viewer),
  GpuNode: (viewer) => isOperator(viewer),
  KnowledgeBase: (viewer, { userId }) => canSee(viewer, userId),
  Document: (viewer, { userId }) => canSee(viewer, userId),
};

/** The object, or null where it does not exist or is not the caller's to see. */
export function mayBeRefetched(type: string, row: unknown, { viewer }: Context): unknown {
  if (row == null || viewer === null) return null;
  return rules[type as IdType](viewer, row as { id: string; userId: string }) ? row : null;
}
