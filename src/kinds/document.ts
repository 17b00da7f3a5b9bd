import { z } from 'zod';
import type { Kind } from './kind.ts';
import { mediaReference } from './media.ts';

const MIN_CHUNK = 100;
const MAX_CHUNK = 8_000;

const documentInput = z
  .strictObject({
    file: mediaReference.refine((file) => !('pcm' in file), 'must be a document, not raw samples'),
    knowledgeBaseId: z.uuid(),
    /** What it is known by in its knowledge base: the same name again replaces it. */
    name: z.string().trim().min(1).max(255),
    /** In characters. */
    chunkSize: z.int().min(MIN_CHUNK).max(MAX_CHUNK).default(1_000),
    chunkOverlap: z.int().min(0).default(200),
  })
  .refine(({ chunkSize, chunkOverlap }) => chunkOverlap <= chunkSize / 2, {
    path: ['chunkOverlap'],
    message: 'must be at most half of chunkSize',
  });

/** The document's own id is its task's. */
const documentOutput = z.strictObject({ documentId: z.uuid() });

export type DocumentInput = z.infer<typeof documentInput>;
export type DocumentOutput = z.infer<typeof documentOutput>;

/** A unit is a document: how much text is in it nobody knows before it has been read. */
export const document: Kind<'DOCUMENT', DocumentInput, DocumentOutput> = {
  name: 'DOCUMENT',
  slug: 'document',
  field: 'document',
  input: documentInput,
  output: documentOutput,
  // Most of it is waiting for nodes that embed.
  timeoutMs: 3_600_000,
  cost: () => 1,
  media: ({ file }) => [file],
  secondsPerUnit: 10,
  isBuiltIn: true,
};
