import type { UploadTicket } from '../artifacts/index.ts';
import { InvalidInputError, QuotaExceededError } from '../errors.ts';
import { encodeId } from '../ids.ts';
import { builder } from './builder.ts';

const UploadType = builder.objectRef<UploadTicket>('Upload').implement({
  description: 'Where a file can be sent with PUT, past GraphQL',
  fields: (t) => ({
    artifactId: t.id({
      description: 'What MediaSource.artifactId takes once the file has been sent',
      resolve: ({ artifactId }) => encodeId('Artifact', artifactId),
    }),
    url: t.field({
      type: 'URL',
      description: 'Absolute and signed, for a file of just that size and type',
      resolve: ({ url }) => url,
    }),
    headers: t.field({
      type: 'JSONObject',
      description: 'What the PUT must bear, beside the Content-Length that every client sends by itself',
      resolve: ({ headers }) => headers,
    }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'Until when the file must be sent' }),
  }),
});

const CreateUploadInput = builder.inputType('CreateUploadInput', {
  fields: (t) => ({
    mimeType: t.string({ required: true, description: 'Such as image/png; the bytes must agree' }),
    sizeBytes: t.int({ required: true, description: 'Of the whole file: just as many must be sent' }),
    sha256: t.string({ description: '64 hexadecimal digits; other bytes are refused' }),
  }),
});

const CreateUploadResult = builder.errorUnion('CreateUploadResult', {
  types: [UploadType, InvalidInputError, QuotaExceededError],
  resolveType: () => 'Upload',
});

builder.mutationField('createUpload', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: CreateUploadResult,
    description: 'Where to send a file by itself: large ones are better sent so than in a multipart request',
    args: { input: t.arg({ type: CreateUploadInput, required: true, description: 'The file to come' }) },
    resolve: (_root, { input }, { services, viewer }) =>
      services.artifacts.createUpload(viewer.userId, { ...input, sha256: input.sha256 ?? null }),
  }),
);
