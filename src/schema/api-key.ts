import type { ApiKey } from '../database/index.ts';
import { InvalidInputError, NotFoundError, QuotaExceededError } from '../errors.ts';
import { decodeId, encodeId } from '../ids.ts';
import { builder } from './builder.ts';

const ApiKeyType = builder.prismaNode('ApiKey', {
  id: { field: 'id' },
  fields: (t) => ({
    name: t.exposeString('name'),
    prefix: t.exposeString('prefix'),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', nullable: true }),
    lastUsedAt: t.expose('lastUsedAt', { type: 'DateTime', nullable: true }),
  }),
});

const CreateApiKeyInput = builder.inputType('CreateApiKeyInput', {
  fields: (t) => ({ name: t.string({ required: true }), expiresAt: t.field({ type: 'DateTime' }) }),
});

const CreateApiKeyPayload = builder
  .objectRef<{ apiKey: ApiKey; secret: string }>('CreateApiKeyPayload')
  .implement({
    fields: (t) => ({
      apiKey: t.field({ type: ApiKeyType, resolve: ({ apiKey }) => apiKey }),
      secret: t.exposeString('secret', { description: 'Shown this once' }),
    }),
  });

const RevokeApiKeyPayload = builder.objectRef<{ id: string }>('RevokeApiKeyPayload').implement({
  fields: (t) => ({ id: t.exposeID('id') }),
});

const CreateApiKeyResult = builder.errorUnion('CreateApiKeyResult', {
  types: [CreateApiKeyPayload, InvalidInputError, QuotaExceededError],
  resolveType: () => 'CreateApiKeyPayload',
});

const RevokeApiKeyResult = builder.errorUnion('RevokeApiKeyResult', {
  types: [RevokeApiKeyPayload, NotFoundError],
  resolveType: () => 'RevokeApiKeyPayload',
});

builder.queryField('apiKeys', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: [ApiKeyType],
    description: "The caller's own. Newest first.",
    resolve: (_root, _args, { services, viewer }) => services.accounts.listApiKeys(viewer.userId),
  }),
);

builder.mutationFields((t) => ({
  createApiKey: t.withAuth({ signedIn: true }).field({
    type: CreateApiKeyResult,
    args: { input: t.arg({ type: CreateApiKeyInput, required: true }) },
    resolve: (_root, { input }, { services, viewer }) =>
      services.accounts.createApiKey(viewer.userId, { name: input.name, expiresAt: input.expiresAt ?? null }),
  }),
  revokeApiKey: t.withAuth({ signedIn: true }).field({
    type: RevokeApiKeyResult,
    args: { id: t.arg.id({ required: true }) },
    resolve: async (_root, { id }, { services, viewer }) => {
      const keyId = decodeId('ApiKey', id);
      if (keyId === null) throw new NotFoundError('no such API key');
      await services.accounts.revokeApiKey(viewer.userId, keyId);
      return { id: encodeId('ApiKey', keyId) };
    },
  }),
}));
