import { type InputIssue, InvalidInputError } from '../errors.ts';

/** What a broken constraint says of a submission. */
const refusals: Readonly<Record<string, InputIssue>> = {
  task_artifact_artifact_id_fkey: {
    path: 'task',
    message: 'a file that it names was deleted; upload it again',
  },
  document_knowledge_base_id_user_id_fkey: {
    path: 'task.document.knowledgeBaseId',
    message: 'no knowledge base of yours has this id',
  },
};

/** In the caller's terms what PostgreSQL refused. */
export function explain(error: unknown): unknown {
  const constraint = error instanceof Error && 'constraint' in error ? String(error.constraint) : '';
  const issue = refusals[constraint];
  return issue === undefined ? error : new InvalidInputError([issue]);
}
