import { type CallOptions, type Dependencies, readPages } from './calls.ts';
import { SwitchyardError, unwrap } from './errors.ts';
import {
  CreateKnowledgeBaseDocument,
  type CreateKnowledgeBaseInput,
  DeleteDocumentDocument,
  DeleteKnowledgeBaseDocument,
  type DocumentFragment,
  type DocumentWhere,
  type KnowledgeBaseFragment,
  ListDocumentsDocument,
  ListKnowledgeBasesDocument,
  type SearchHitFragment,
  SearchKnowledgeBaseDocument,
} from './generated/operations.ts';
import { withRetries } from './retry.ts';

export type KnowledgeBase = KnowledgeBaseFragment;
export type KnowledgeDocument = DocumentFragment;
export type SearchHit = SearchHitFragment;

export interface PageOptions extends CallOptions {
  /** Fetched at a time; 1 to 100. */
  readonly pageSize?: number;
}

export interface SearchOptions extends CallOptions {
  /** Hits at most; 1 to 100, 10 by default. */
  readonly first?: number;
}

/** Where documents are found; what puts one there is a task `document`. */
export interface KnowledgeBases {
  /** Sent once: after a lost answer, look at `knowledgeBases`. */
  createKnowledgeBase(input: CreateKnowledgeBaseInput, options?: CallOptions): Promise<KnowledgeBase>;
  /** The caller's own, page by page as they are read; newest first. */
  knowledgeBases(options?: PageOptions): AsyncGenerator<KnowledgeBase, void, undefined>;
  /** Those of a knowledge base, page by page as they are read; newest first. @throws SwitchyardError NOT_FOUND */
  documents(
    knowledgeBaseId: string,
    where?: DocumentWhere,
    options?: PageOptions,
  ): AsyncGenerator<KnowledgeDocument, void, undefined>;
  /** What fits the query best, the best first. @throws SwitchyardError NOT_FOUND */
  search(knowledgeBaseId: string, query: string, options?: SearchOptions): Promise<readonly SearchHit[]>;
  /** With all of its documents; what is under way for them is canceled. */
  deleteKnowledgeBase(id: string, options?: CallOptions): Promise<void>;
  /** It is found no more; its task stays. */
  deleteDocument(id: string, options?: CallOptions): Promise<void>;
}

/** Null is what another's knowledge base looks like. */
function found<Base>(base: Base | null, id: string): Base {
  if (base !== null) return base;
  throw new SwitchyardError(`there is no knowledge base ${id}`, { code: 'NOT_FOUND' });
}

export function createKnowledgeBases({ send, retries }: Omit<Dependencies, 'socket'>): KnowledgeBases {
  return {
    createKnowledgeBase: async (input, { signal } = {}) =>
      unwrap((await send(CreateKnowledgeBaseDocument, { input }, signal)).createKnowledgeBase),
    knowledgeBases({ pageSize: first = 50, signal } = {}) {
      const fetchPage = async (after: string | null) =>
        (await send(ListKnowledgeBasesDocument, { first, after }, signal)).knowledgeBases;
      return readPages(fetchPage, { retries, signal });
    },
    documents(id, where, { pageSize: first = 50, signal } = {}) {
      const fetchPage = async (after: string | null) => {
        const variables = { id, where: where ?? null, first, after };
        return found((await send(ListDocumentsDocument, variables, signal)).knowledgeBase, id).documents;
      };
      return readPages(fetchPage, { retries, signal });
    },
    async search(id, query, { first = 10, signal } = {}) {
      const attempt = () => send(SearchKnowledgeBaseDocument, { id, query, first }, signal);
      return found((await withRetries(attempt, { retries, signal })).knowledgeBase, id).search;
    },
    async deleteKnowledgeBase(id, { signal } = {}) {
      unwrap((await send(DeleteKnowledgeBaseDocument, { id }, signal)).deleteKnowledgeBase);
    },
    async deleteDocument(id, { signal } = {}) {
      unwrap((await send(DeleteDocumentDocument, { id }, signal)).deleteDocument);
    },
  };
}
