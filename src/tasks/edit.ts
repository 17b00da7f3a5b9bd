import type { Transaction } from '../database/index.ts';
import { type KindName, kindOf } from '../kinds/index.ts';
import type { Former } from './acts.ts';

/** A new input for a task that is retried. */
export interface Edit {
  /** Null: the one that it had. */
  readonly model: string | null;
  /** As the kind's input schema answered it. */
  readonly input: unknown;
  /** Artifacts that it names. */
  readonly artifactIds: readonly string[];
}

/** The same, with the queue that it leads to. */
export interface PlannedEdit extends Edit {
  readonly kind: KindName;
  readonly model: string;
  readonly queueId: string;
}

const selectFormer = `
  SELECT t.model, d.input FROM task t JOIN task_data d ON d.task_id = t.id WHERE t.id = $1`;

// Files of the former input are kept, since the log goes on naming them. What makes a repeated submission the same
// stays as it was: so does the submission.
const updateTask = 'UPDATE task SET model = $2, queue_id = $3, cost = $4 WHERE id = $1';
const updateData = 'UPDATE task_data SET input = $2 WHERE task_id = $1';
const nameArtifacts = `
  INSERT INTO task_artifact (task_id, artifact_id) SELECT $1, unnest($2::uuid[]) ON CONFLICT DO NOTHING`;

/** In units of the kind's work. */
export const costOf = ({ kind, input }: PlannedEdit): number => kindOf(kind).cost(input);

/** Writes the new input of a task that is locked and final. Answers the former one. */
export async function writeEdit(tx: Transaction, taskId: string, edit: PlannedEdit): Promise<Former> {
  const { model, queueId, input, artifactIds } = edit;
  const former = tx.query<{ model: string; input: unknown }>(selectFormer, [taskId]);
  void tx.query(updateTask, [taskId, model, queueId, costOf(edit)]);
  void tx.query(updateData, [taskId, JSON.stringify(input)]);
  if (artifactIds.length > 0) void tx.query(nameArtifacts, [taskId, artifactIds]);
  const [row] = await former;
  if (!row) throw new Error('a task that is locked is not there');
  return { taskId, ...row };
}
