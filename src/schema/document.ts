import { type DocumentRow, type DocumentStatus, documentStatus, findDocuments } from '../knowledge/index.ts';
import type { TaskFailure } from '../tasks/index.ts';
import { builder } from './builder.ts';
import type { Context } from './context.ts';
import { described } from './described.ts';
import { createLoader } from './loader.ts';
import { TaskErrorType } from './task-error.ts';

export const DocumentStatusEnum = builder.enumType('DocumentStatus', {
  values: described<DocumentStatus>({
    VALIDATING: 'It waits for its turn, or it is found out what it is',
    CONVERTING: 'Its text is read',
    CHUNKING: 'Its text is cut into chunks',
    EMBEDDING: 'Nodes place its chunks in a space of meaning',
    INDEXED: 'It is found',
    FAILED: 'Its task failed or was canceled: retryTask gives it another go',
  }),
});

const loadError = createLoader(async (ids, { database }) => {
  const where = { taskId: { in: [...ids] } };
  const rows = await database.prisma.taskData.findMany({ where, select: { taskId: true, error: true } });
  return new Map(rows.map(({ taskId, error }) => [taskId, error as TaskFailure | null]));
});

/** Its task is added beside the knowledge base: tasks have documents as their results. */
export const DocumentType = builder.loadableNode('Document', {
  description: 'A file of a knowledge base',
  id: { resolve: ({ id }) => id },
  load: (ids: string[], { services }: Context): Promise<DocumentRow[]> =>
    findDocuments(services.database, ids),
  toKey: ({ id }) => id,
  sort: true,
  loaderOptions: { cache: false },
  fields: (t) => ({
    name: t.exposeString('name', { description: 'A newer document of the same name replaces it' }),
    mimeType: t.exposeString('mimeType', {
      description: 'What its bytes are, not what somebody called them; known when it is validated',
    }),
    sizeBytes: t.exposeInt('sizeBytes', { description: 'Length of the file' }),
    status: t.field({
      type: DocumentStatusEnum,
      description: 'How far it has come',
      resolve: documentStatus,
    }),
    chunkCount: t.exposeInt('chunkCount', {
      nullable: true,
      description: 'Of its text; null before it is cut',
    }),
    error: t.field({
      type: TaskErrorType,
      nullable: true,
      description: 'Why it is FAILED; null where somebody canceled its task',
      resolve: (document, _args, context) =>
        documentStatus(document) === 'FAILED' ? loadError(context, document.id) : null,
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was submitted' }),
  }),
});

/** Documents that are there still; for results that name one. */
export const loadDocument = createLoader(async (ids, { database }) => {
  const rows = await findDocuments(database, ids);
  return new Map(rows.map((row) => [row.id, row]));
});
