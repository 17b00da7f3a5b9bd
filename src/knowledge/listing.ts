import type { Database, Document, TaskStatus } from '../database/index.ts';

export type DocumentStatus = 'VALIDATING' | 'CONVERTING' | 'CHUNKING' | 'EMBEDDING' | 'INDEXED' | 'FAILED';

/** A document with what its status follows from. */
export type DocumentRow = Document & { readonly task: { readonly status: TaskStatus } };

/** Which documents of a knowledge base: of these statuses, on this page of a list by id. */
export interface DocumentsRequest {
  readonly knowledgeBaseId: string;
  readonly status: readonly DocumentStatus[] | null;
  readonly id: { readonly lt?: string; readonly gt?: string };
  readonly direction: 'asc' | 'desc';
  readonly take: number;
}

/** What is indexed stays so, whatever becomes of its task. */
export function documentStatus({ stage, task }: DocumentRow): DocumentStatus {
  const isOver = task.status === 'FAILED' || task.status === 'CANCELED';
  return isOver && stage !== 'INDEXED' ? 'FAILED' : stage;
}

const status = `CASE WHEN t.status IN ('FAILED', 'CANCELED') AND d.stage <> 'INDEXED' THEN 'FAILED' ELSE d.stage::text END`;

const select = (direction: DocumentsRequest['direction']): string => `
  SELECT page.id, page.knowledge_base_id AS "knowledgeBaseId" FROM unnest($1::uuid[]) AS base (id), LATERAL (
    SELECT d.id, d.knowledge_base_id FROM document d JOIN task t ON t.id = d.id
    WHERE d.knowledge_base_id = base.id AND ($2::text[] IS NULL OR ${status} = ANY ($2))
      AND ($3::uuid IS NULL OR d.id < $3) AND ($4::uuid IS NULL OR d.id > $4)
    ORDER BY d.id ${direction} LIMIT $5
  ) AS page`;

const withTask = { task: { select: { status: true } } } as const;

/** Those that exist, in no order. */
export function findDocuments(
  { prisma }: Pick<Database, 'prisma'>,
  ids: readonly string[],
): Promise<DocumentRow[]> {
  return prisma.document.findMany({ where: { id: { in: [...ids] } }, include: withTask });
}

/** Requests that differ in nothing but their knowledge base take one statement together. */
const likeness = ({ knowledgeBaseId: _, ...request }: DocumentsRequest): string => JSON.stringify(request);

/** The documents that each request asks for, in its order. */
export async function listDocuments(
  database: Pick<Database, 'prisma' | 'pool'>,
  requests: readonly DocumentsRequest[],
): Promise<Map<DocumentsRequest, DocumentRow[]>> {
  const found = new Map<DocumentsRequest, DocumentRow[]>();
  for (const alike of Map.groupBy(requests, likeness).values()) {
    const [one] = alike;
    if (!one) continue;
    const { direction, take, id, status: wanted } = one;
    const { rows } = await database.pool.query<{ id: string; knowledgeBaseId: string }>(select(direction), [
      [...new Set(alike.map(({ knowledgeBaseId }) => knowledgeBaseId))],
      ...[wanted, id.lt ?? null, id.gt ?? null, take],
    ]);
    const documents = new Map(
      (
        await findDocuments(
          database,
          rows.map((row) => row.id),
        )
      ).map((row) => [row.id, row]),
    );
    for (const request of alike) {
      const own = rows.filter(({ knowledgeBaseId }) => knowledgeBaseId === request.knowledgeBaseId);
      found.set(
        request,
        own.flatMap((row) => documents.get(row.id) ?? []),
      );
    }
  }
  return found;
}
