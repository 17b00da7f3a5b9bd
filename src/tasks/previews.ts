import type { Artifact } from '../database/index.ts';
import type { Core } from './core.ts';
import type { Lease } from './types.ts';

/** The latest picture of what running attempts are at. */
export interface Previews {
  /** Shows a stored picture in place of the one before. False where the attempt has ended: nobody will see it. */
  showPreview(lease: Pick<Lease, 'taskId' | 'attempt'>, artifactId: string): Promise<boolean>;
  /** Of those of the tasks that run and have one. */
  previews(taskIds: readonly string[]): Promise<Map<string, Artifact>>;
}

// Whoever ends the attempt locks the task first, and takes its preview away: it never outlives the attempt. The
// time of the update tells watchers that there is something new; no version does.
const show = `
  WITH running AS MATERIALIZED (
    SELECT id FROM task WHERE id = $1 AND attempt = $2 AND status = 'RUNNING' FOR NO KEY UPDATE
  ), shown AS (
    INSERT INTO task_preview (task_id, attempt, artifact_id) SELECT id, $2, $3 FROM running
    ON CONFLICT (task_id) DO UPDATE SET attempt = excluded.attempt, artifact_id = excluded.artifact_id
  )
  UPDATE task t SET updated_at = now() FROM running WHERE t.id = running.id RETURNING t.user_id AS "userId"`;

export function createPreviews({ database, carrier }: Core): Previews {
  return {
    async showPreview({ taskId, attempt }, artifactId) {
      const [shown] = await database.lanes.transact(
        (tx) => tx.query<{ userId: string }>(show, [taskId, attempt, artifactId]),
        { durable: false },
      );
      if (shown) carrier.announce({ type: 'task', id: taskId, userId: shown.userId });
      return shown !== undefined;
    },
    async previews(taskIds) {
      const rows = await database.prisma.taskPreview.findMany({
        where: { taskId: { in: [...taskIds] } },
        include: { artifact: true },
      });
      return new Map(rows.map(({ taskId, artifact }) => [taskId, artifact]));
    },
  };
}
