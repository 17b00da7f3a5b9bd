import type { KnowledgeBase } from '../database/index.ts';
import { AlreadyExistsError, InvalidInputError, NoSuchModelError, NotFoundError } from '../errors.ts';
import { encodeId } from '../ids.ts';
import {
  type DocumentRow,
  type DocumentsRequest,
  listDocuments,
  type SearchHit,
} from '../knowledge/index.ts';
import { builder } from './builder.ts';
import type { Context, SignedInContext } from './context.ts';
import { DeleteResult } from './delete.ts';
import { DocumentStatusEnum, DocumentType } from './document.ts';
import { createLoader } from './loader.ts';
import { connectionCost, pageOf, pageRequest } from './page.ts';
import { TaskType } from './task.ts';
import { visible } from './visible.ts';

builder.objectField(DocumentType, 'task', (t) =>
  t.field({ type: TaskType, description: 'What reads it; final in the end', resolve: ({ id }) => id }),
);

const DocumentConnection = builder.connectionObject(
  { type: DocumentType, name: 'DocumentConnection' },
  { name: 'DocumentEdge' },
);

const DocumentWhereInput = builder.inputType('DocumentWhere', {
  description: 'All that is given must hold',
  fields: (t) => ({
    status: t.field({ type: [DocumentStatusEnum], description: 'One of these' }),
  }),
});

const loadDocuments = createLoader<readonly DocumentRow[], DocumentsRequest>(
  async (asked, { database }) => {
    const found = await listDocuments(database, asked);
    return new Map([...found].map(([request, rows]) => [JSON.stringify(request), rows]));
  },
  (request) => JSON.stringify(request),
);

const SearchHitType = builder.objectRef<SearchHit>('SearchHit').implement({
  fields: (t) => ({
    document: t.field({
      type: DocumentType,
      description: 'Where it stands',
      resolve: ({ document }) => document,
    }),
    text: t.exposeString('text', { description: 'The chunk that was found' }),
    score: t.exposeFloat('score', {
      description: '0 to 1, to be compared within one search only; 1 is best by words and by meaning',
    }),
    startOffset: t.exposeInt('startOffset', {
      description: "Of the chunk's first character in the text of the document, as it was converted",
    }),
    endOffset: t.exposeInt('endOffset', { description: "Of the character behind the chunk's last" }),
  }),
});

/** What a search costs beside what it finds: a query is embedded by a node. */
const SEARCH_COST = 20;

const KnowledgeBaseType = builder.loadableNode('KnowledgeBase', {
  description: 'Documents that are searched together',
  id: { resolve: ({ id }) => id },
  load: (ids: string[], { services }: Context): Promise<KnowledgeBase[]> =>
    services.database.prisma.knowledgeBase.findMany({ where: { id: { in: ids } } }),
  toKey: ({ id }) => id,
  sort: true,
  loaderOptions: { cache: false },
  fields: (t) => ({
    name: t.exposeString('name', { description: "Unique among its owner's" }),
    documents: t.field({
      type: DocumentConnection,
      description: 'Newest first',
      complexity: connectionCost,
      args: {
        ...t.arg.connectionArgs(),
        where: t.arg({ type: DocumentWhereInput, description: 'Which of them; left out: all' }),
      },
      resolve: async ({ id }, { where, ...args }, context) => {
        const page = pageRequest(args, 'desc');
        const { direction, take } = page;
        const status = where?.status ?? null;
        const documents = await loadDocuments(context, {
          ...{ knowledgeBaseId: id, status, id: page.id, direction, take },
        });
        return pageOf(documents ?? [], page);
      },
    }),
    search: t.withAuth({ signedIn: true }).field({
      type: [SearchHitType],
      description:
        'What fits best, by its words and by its meaning; by words alone where no node embeds the query within five seconds',
      complexity: ({ first }) => ({ field: SEARCH_COST, multiplier: first ?? 1 }),
      args: {
        query: t.arg.string({ required: true, description: 'A question, or words; 1 to 10,000 characters' }),
        first: t.arg.int({ defaultValue: 10, description: 'How many hits at most; 1 to 100' }),
      },
      resolve: (base, { query, first }, { services, viewer }) =>
        services.knowledge.search(base, { query, first: first ?? 10, viewer }),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made' }),
  }),
});

const CreateKnowledgeBaseInput = builder.inputType('CreateKnowledgeBaseInput', {
  fields: (t) => ({
    name: t.string({ required: true, description: 'Unique among your own; 1 to 255 characters' }),
    embeddingModel: t.string({
      description: 'One of Query.models, for good; left out: the default of the kind EMBEDDING',
    }),
  }),
});

const CreateKnowledgeBaseResult = builder.errorUnion('CreateKnowledgeBaseResult', {
  types: [KnowledgeBaseType, InvalidInputError, AlreadyExistsError, NoSuchModelError],
  resolveType: () => 'KnowledgeBase',
});

/** As {@link visible}. */
function find(globalId: string, context: SignedInContext): Promise<KnowledgeBase | null> {
  const { prisma } = context.services.database;
  return visible(['KnowledgeBase', globalId], context, (id) =>
    prisma.knowledgeBase.findUnique({ where: { id } }),
  );
}

builder.queryFields((t) => ({
  knowledgeBase: t.withAuth({ signedIn: true }).field({
    type: KnowledgeBaseType,
    nullable: true,
    description: "Null where it does not exist or is not the caller's",
    args: { id: t.arg.id({ required: true, description: 'Of the knowledge base: kb_…' }) },
    resolve: (_root, { id }, context) => find(id, context),
  }),
  knowledgeBases: t.withAuth({ signedIn: true }).connection(
    {
      type: KnowledgeBaseType,
      description: "The caller's own. Newest first.",
      complexity: connectionCost,
      resolve: async (_root, args, { services, viewer }) => {
        const page = pageRequest(args, 'desc');
        const bases = await services.database.prisma.knowledgeBase.findMany({
          where: { userId: viewer.userId, id: page.id },
          orderBy: { id: page.direction },
          take: page.take,
        });
        return pageOf(bases, page);
      },
    },
    { name: 'KnowledgeBaseConnection' },
    { name: 'KnowledgeBaseEdge' },
  ),
}));

builder.mutationFields((t) => ({
  createKnowledgeBase: t.withAuth({ signedIn: true }).field({
    type: CreateKnowledgeBaseResult,
    description: 'Makes a place for documents that are to be searched together',
    args: {
      input: t.arg({ type: CreateKnowledgeBaseInput, required: true, description: 'The new knowledge base' }),
    },
    resolve: (_root, { input }, { services, viewer }) =>
      services.knowledge.createBase(viewer.userId, {
        name: input.name,
        embeddingModel: input.embeddingModel ?? null,
      }),
  }),
  deleteKnowledgeBase: t.withAuth({ signedIn: true }).field({
    type: DeleteResult,
    description: 'Removes it with all of its documents, and cancels what is under way for them',
    args: { id: t.arg.id({ required: true, description: 'Of the knowledge base: kb_…' }) },
    resolve: async (_root, args, context) => {
      const base = await find(args.id, context);
      if (base === null) throw new NotFoundError('there is no such knowledge base');
      await context.services.knowledge.deleteBase(base.id);
      return { id: encodeId('KnowledgeBase', base.id) };
    },
  }),
  deleteDocument: t.withAuth({ signedIn: true }).field({
    type: DeleteResult,
    description: 'Has it be found no more, and cancels what is under way for it; its task stays',
    args: { id: t.arg.id({ required: true, description: 'Of the document: doc_…' }) },
    resolve: async (_root, args, context) => {
      const { database, knowledge } = context.services;
      const document = await visible(['Document', args.id], context, (id) =>
        database.prisma.document.findUnique({ where: { id } }),
      );
      if (!document) throw new NotFoundError('there is no such document');
      await knowledge.deleteDocument(document.id);
      return { id: encodeId('Document', document.id) };
    },
  }),
}));
