import type { ApiKey } from '../database/index.ts';
import { InvalidInputError, NotFoundError, QuotaExceededError } from '../errors.ts';
import { decodeId, encodeId } from '../ids.ts';
import { builder } from './builder.ts';

const ApiKeyType = builder.prismaNode('ApiKey', {
  id: { field: 'id' },
  nullable: true,
  fields: (t) => ({
    name: t.exposeString('name', { description: 'For people, to tell keys apart' }),
    prefix: t.exposeString('prefix', { description: 'Its first characters, to recognise it by' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', nullable: true, description: 'Null: never' }),
    lastUsedAt: t.expose('lastUsedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'To the minute; null: never',
    }),
  }),
});

const CreateApiKeyInput = builder.inputType('CreateApiKeyInput', {
  fields: (t) => ({
    name: t.string({ required: true, description: 'For people, to tell keys apart; 1 to 100 characters' }),
    expiresAt: t.field({ type: 'DateTime', description: 'When it stops to be good; left out: never' }),
  }),
});

const CreateApiKeyPayload = builder
  .objectRef<{ apiKey: ApiKey; secret: string }>('CreateApiKeyPayload')
  .implement({
    fields: (t) => ({
      apiKey: t.field({
        type: ApiKeyType,
        description: 'The key without its secret',
        resolve: ({ apiKey }) => apiKey,
      }),
      secret: t.exposeString('secret', { description: 'What goes behind Bearer; shown this once' }),
    }),
  });

const RevokeApiKeyPayload = builder.objectRef<{ id: string }>('RevokeApiKeyPayload').implement({
  fields: (t) => ({ id: t.exposeID('id', { description: 'Of the revoked key' }) }),
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
    description: 'Makes a key for programs: it stands for the caller until it expires or is revoked',
    args: { input: t.arg({ type: CreateApiKeyInput, required: true, description: 'The new key' }) },
    resolve: (_root, { input }, { services, viewer }) =>
      services.accounts.createApiKey(viewer.userId, { name: input.name, expiresAt: input.expiresAt ?? null }),
  }),
  revokeApiKey: t.withAuth({ signedIn: true }).field({
    type: RevokeApiKeyResult,
    description: 'Ends one of the own keys at once; what it has open is closed',
    args: { id: t.arg.id({ required: true, description: 'Of the key: apikey_…' }) },
    resolve: async (_root, { id }, { services, viewer }) => {
      const keyId = decodeId('ApiKey', id);
      if (keyId === null) throw new NotFoundError('no such API key');
      await services.accounts.revokeApiKey(viewer.userId, keyId);
      return { id: encodeId('ApiKey', keyId) };
    },
  }),
}));
