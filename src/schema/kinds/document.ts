import { unescape as decodeLeniently } from 'node:querystring';
import { InvalidInputError } from '../../errors.ts';
import { decodeId, encodeId } from '../../ids.ts';
import type { MediaReference, TaskFile } from '../../kinds/index.ts';
import { type MediaSource, nameOfTaskFile } from '../../submission/index.ts';
import { builder } from '../builder.ts';
import { DocumentType, loadDocument } from '../document.ts';
import { MediaSourceInput } from '../media.ts';
import { kindSchema, type TaggedOutput } from './kind-schema.ts';

const DocumentInputType = builder.inputType('DocumentInput', {
  fields: (t) => ({
    file: t.field({
      type: MediaSourceInput,
      required: true,
      description: 'PDF, DOCX, HTML, Markdown or plain text',
    }),
    knowledgeBaseId: t.id({ required: true, description: 'Where it is to be found: kb_…' }),
    name: t.string({
      description:
        'What it is known by: a document of the same name is replaced. Left out: the name of the file; of what another task makes the id of that and the number of the file. Up to 255 characters',
    }),
    chunkSize: t.int({ defaultValue: 1_000, description: 'Characters of a chunk at most; 100 to 8,000' }),
    chunkOverlap: t.int({
      defaultValue: 200,
      description: 'Characters that chunks share with the one before at most; up to half of chunkSize',
    }),
  }),
});

const DocumentResult = builder.objectRef<TaggedOutput<'DOCUMENT'>>('DocumentResult').implement({
  fields: (t) => ({
    document: t.field({
      type: DocumentType,
      description: 'What is found now',
      resolve: ({ documentId }) => documentId,
    }),
  }),
});

const MAX_NAME = 255;

/** What the caller's own machine calls the file, the last part of its URL, or what else tells it from others. */
function fileName({ upload, url, artifactId }: MediaSource, reference: MediaReference | TaskFile): string {
  if (upload != null && upload.name !== '') return upload.name;
  if ('fromTask' in reference) return nameOfTaskFile(reference.fromTask);
  const last = url == null ? undefined : URL.parse(url)?.pathname.split('/').at(-1);
  return last ? decodeLeniently(last) : (artifactId ?? 'document');
}

/** Whatever a file is called, its document has a name that can be stored. */
const shortened = (name: string): string => name.replaceAll('\0', '').slice(-MAX_NAME).toWellFormed();

export const document = kindSchema({
  kind: 'DOCUMENT',
  description: 'Reads a document and makes it searchable in a knowledge base',
  input: DocumentInputType,
  result: DocumentResult,
  async read({ file, knowledgeBaseId: globalId, name, chunkSize, chunkOverlap }, attachments) {
    const knowledgeBaseId = decodeId('KnowledgeBase', globalId);
    if (knowledgeBaseId === null) {
      const message = 'must be the id of a knowledge base, kb_…';
      throw new InvalidInputError([{ path: 'task.document.knowledgeBaseId', message }]);
    }
    const { reference } = await attachments.add('file', file);
    const sizes = { chunkSize: chunkSize ?? undefined, chunkOverlap: chunkOverlap ?? undefined };
    const called = name ?? shortened(fileName(file, reference));
    return { model: null, input: { file: reference, knowledgeBaseId, name: called, ...sizes } };
  },
  shown: ({ knowledgeBaseId, ...input }) => ({
    ...input,
    knowledgeBaseId: encodeId('KnowledgeBase', knowledgeBaseId),
  }),
  isThere: async ({ documentId }, context) => (await loadDocument(context, documentId)) !== null,
});
