import { encodeId } from '../../../src/ids.ts';
import {
  admins,
  byId,
  type Case,
  everybody,
  nodeQuery,
  ownUser,
  type Stage,
  signedIn,
  union,
} from './matrix.ts';

async function ownKey({ api, people }: Stage): Promise<{ id: string }> {
  const input = { name: 'another', expiresAt: null };
  const { apiKey } = await api.services.accounts.createApiKey(people.owner.user.id, input);
  return { id: encodeId('ApiKey', apiKey.id) };
}

const password = 'correct horse battery';

async function newUser({ api, unique }: Stage): Promise<{ username: string; password: string }> {
  const input = { username: unique('user'), password };
  await api.services.accounts.createUser(input);
  return input;
}

async function refreshToken({ api, unique }: Stage): Promise<string> {
  const input = { username: unique('user'), password };
  return (await api.services.accounts.register(input, null)).refreshToken;
}

/** Users and what they sign in with. */
export const accountCases: readonly Case[] = [
  { field: 'Query.me', operation: '{ me { id } }', expected: ['null', 'ok', 'ok', 'ok', 'ok'] },
  {
    field: 'Query.node',
    what: 'own user',
    operation: nodeQuery,
    variables: ownUser,
    expected: ['UNAUTHENTICATED', 'null', 'ok', 'null', 'ok'],
  },
  {
    field: 'Query.node',
    what: 'own API key',
    operation: nodeQuery,
    variables: ownKey,
    expected: ['UNAUTHENTICATED', 'null', 'ok', 'null', 'null'],
  },
  { field: 'Query.apiKeys', operation: '{ apiKeys { id } }', expected: signedIn },
  { field: 'Query.users', operation: '{ users { edges { node { id } } } }', expected: admins },
  {
    field: 'Mutation.register',
    operation: `mutation ($input: RegisterInput!) { register(input: $input) ${union} }`,
    variables: ({ unique }) => ({ input: { username: unique('user'), password } }),
    expected: everybody,
  },
  {
    field: 'Mutation.login',
    operation: `mutation ($input: LoginInput!) { login(input: $input) ${union} }`,
    variables: async (stage) => ({ input: await newUser(stage) }),
    expected: everybody,
  },
  {
    field: 'Mutation.refreshToken',
    operation: `mutation ($input: RefreshTokenInput!) { refreshToken(input: $input) ${union} }`,
    variables: async (stage) => ({ input: { refreshToken: await refreshToken(stage) } }),
    expected: everybody,
  },
  {
    field: 'Mutation.logout',
    operation: `mutation ($input: RefreshTokenInput!) { logout(input: $input) ${union} }`,
    variables: async (stage) => ({ input: { refreshToken: await refreshToken(stage) } }),
    expected: everybody,
  },
  {
    field: 'Mutation.changePassword',
    what: 'without one',
    operation: `mutation ($input: ChangePasswordInput!) { changePassword(input: $input) ${union} }`,
    variables: () => ({ input: { currentPassword: 'a', newPassword: password } }),
    expected: [
      'UNAUTHENTICATED',
      'InvalidCredentialsError',
      'InvalidCredentialsError',
      'InvalidCredentialsError',
      'InvalidCredentialsError',
    ],
  },
  {
    field: 'Mutation.createApiKey',
    operation: `mutation { createApiKey(input: { name: "k" }) ${union} }`,
    expected: signedIn,
  },
  {
    field: 'Mutation.revokeApiKey',
    what: 'own key',
    operation: `mutation ${byId} { revokeApiKey(id: $id) ${union} }`,
    variables: ownKey,
    expected: ['UNAUTHENTICATED', 'NotFoundError', 'ok', 'NotFoundError', 'NotFoundError'],
  },
  {
    field: 'Mutation.updateUser',
    operation: `mutation ${byId} { updateUser(id: $id, input: { tier: PRO }) ${union} }`,
    variables: ownUser,
    expected: admins,
  },
];
