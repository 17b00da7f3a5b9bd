import type { SignedIn } from '../accounts/index.ts';
import {
  AlreadyExistsError,
  InvalidCredentialsError,
  InvalidInputError,
  RateLimitedError,
} from '../errors.ts';
import { builder } from './builder.ts';
import { UserType } from './user.ts';

/** Extension of mutations that are for people without a good credential; a bad one does not refuse them. */
export const FOR_SIGNED_OUT = 'forSignedOut';

const AuthPayload = builder.objectRef<SignedIn>('AuthPayload').implement({
  fields: (t) => ({
    accessToken: t.exposeString('accessToken', { description: 'Goes behind Bearer; good for 15 minutes' }),
    refreshToken: t.exposeString('refreshToken', {
      description: 'What refreshToken takes for the next pair; good once',
    }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'Of the access token' }),
    user: t.field({ type: UserType, description: 'Who is signed in', resolve: ({ user }) => user }),
  }),
});

const LogoutPayload = builder.objectRef<{ user: SignedIn['user'] }>('LogoutPayload').implement({
  fields: (t) => ({
    user: t.field({ type: UserType, description: 'Who was signed in', resolve: ({ user }) => user }),
  }),
});

const resolveType = () => 'AuthPayload';
const RegisterResult = builder.errorUnion('RegisterResult', {
  types: [AuthPayload, InvalidInputError, AlreadyExistsError, RateLimitedError],
  resolveType,
});
const LoginResult = builder.errorUnion('LoginResult', {
  types: [AuthPayload, InvalidCredentialsError, RateLimitedError],
  resolveType,
});
const RefreshTokenResult = builder.errorUnion('RefreshTokenResult', {
  types: [AuthPayload, InvalidCredentialsError],
  resolveType,
});
const ChangePasswordResult = builder.errorUnion('ChangePasswordResult', {
  types: [AuthPayload, InvalidInputError, InvalidCredentialsError],
  resolveType,
});
const LogoutResult = builder.errorUnion('LogoutResult', {
  types: [LogoutPayload, InvalidCredentialsError],
  resolveType: () => 'LogoutPayload',
});

const RegisterInput = builder.inputType('RegisterInput', {
  fields: (t) => ({
    username: t.string({
      required: true,
      description: '3 to 32 characters: a to z in any case, 0 to 9, dot, underscore and hyphen',
    }),
    password: t.string({ required: true, description: '8 to 200 characters' }),
  }),
});
const LoginInput = builder.inputType('LoginInput', {
  fields: (t) => ({
    username: t.string({ required: true, description: 'In any case' }),
    password: t.string({ required: true, description: 'That of the account' }),
  }),
});
const RefreshTokenInput = builder.inputType('RefreshTokenInput', {
  fields: (t) => ({
    refreshToken: t.string({ required: true, description: 'The last one of the session' }),
  }),
});
const ChangePasswordInput = builder.inputType('ChangePasswordInput', {
  fields: (t) => ({
    currentPassword: t.string({ required: true, description: 'The one that is to go' }),
    newPassword: t.string({ required: true, description: '8 to 200 characters' }),
  }),
});

builder.mutationFields((t) => ({
  register: t.field({
    extensions: { [FOR_SIGNED_OUT]: true },
    type: RegisterResult,
    description: 'Makes an account and signs it in; some servers leave that to their admins',
    args: { input: t.arg({ type: RegisterInput, required: true, description: 'The new account' }) },
    resolve: (_root, { input }, { services, clientAddress }) =>
      services.accounts.register(input, clientAddress),
  }),
  login: t.field({
    extensions: { [FOR_SIGNED_OUT]: true },
    type: LoginResult,
    description: 'Opens a session',
    args: { input: t.arg({ type: LoginInput, required: true, description: 'Whose account it is' }) },
    resolve: (_root, { input }, { services, clientAddress }) => services.accounts.login(input, clientAddress),
  }),
  refreshToken: t.field({
    extensions: { [FOR_SIGNED_OUT]: true },
    type: RefreshTokenResult,
    description:
      'The next pair of tokens of a session. A refresh token that comes a second time ends its session',
    args: { input: t.arg({ type: RefreshTokenInput, required: true, description: 'Which session' }) },
    resolve: (_root, { input }, { services }) => services.accounts.refresh(input.refreshToken),
  }),
  logout: t.field({
    type: LogoutResult,
    description: 'Ends a session at once; what it has open is closed',
    args: { input: t.arg({ type: RefreshTokenInput, required: true, description: 'Which session' }) },
    resolve: async (_root, { input }, { services }) => ({
      user: await services.accounts.logout(input.refreshToken),
    }),
  }),
  changePassword: t.withAuth({ signedIn: true }).field({
    type: ChangePasswordResult,
    description: 'Ends every other session of the account',
    args: {
      input: t.arg({ type: ChangePasswordInput, required: true, description: 'The old and the new one' }),
    },
    resolve: (_root, { input }, { services, viewer }) => services.accounts.changePassword(viewer, input),
  }),
}));
