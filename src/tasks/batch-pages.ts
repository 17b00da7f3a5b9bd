import type { Database, Task } from '../database/index.ts';

/** Which of a batch's tasks are asked for, in the order of their ids. */
export interface BatchPage {
  readonly batchId: string;
  /** Only tasks whose ids are above it. */
  readonly after: string | null;
  readonly take: number;
}

/** By what {@link readBatchPages} answers a page: the same for equal ones. */
export const batchPageKey = ({ batchId, after, take }: BatchPage): string => `${batchId} ${after} ${take}`;

const select = `
  SELECT p.key, t.id FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::int[]) AS p (key, batch_id, after, take)
  CROSS JOIN LATERAL (
    SELECT task_id AS id FROM batch_task m WHERE m.batch_id = p.batch_id AND (p.after IS NULL OR task_id > p.after)
    ORDER BY task_id LIMIT p.take
  ) t
  ORDER BY t.id`;

/** Pages of many batches, with two statements; by {@link batchPageKey}. */
export async function readBatchPages(
  { pool, prisma }: Pick<Database, 'pool' | 'prisma'>,
  pages: readonly BatchPage[],
): Promise<Map<string, Task[]>> {
  const { rows } = await pool.query<{ key: string; id: string }>(select, [
    pages.map(batchPageKey),
    pages.map(({ batchId }) => batchId),
    pages.map(({ after }) => after),
    pages.map(({ take }) => take),
  ]);
  const tasks = await prisma.task.findMany({ where: { id: { in: rows.map(({ id }) => id) } } });
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const byPage = Map.groupBy(rows, ({ key }) => key);
  return new Map([...byPage].map(([key, found]) => [key, found.flatMap(({ id }) => byId.get(id) ?? [])]));
}
