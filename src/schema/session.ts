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
    accessToken: t.exposeString('accessToken'),
    refreshToken: t.exposeString('refreshToken'),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'Of the access token' }),
    user: t.field({ type: UserType, resolve: ({ user }) => user }),
  }),
});

const LogoutPayload = builder.objectRef<{ user: SignedIn['user'] }>('LogoutPayload').implement({
  fields: (t) => ({ user: t.field({ type: UserType, resolve: ({ user }) => user }) }),
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
  fields: (t) => ({ username: t.string({ required: true }), password: t.string({ required: true }) }),
});
const LoginInput = builder.inputType('LoginInput', {
  fields: (t) => ({ username: t.string({ required: true }), password: t.string({ required: true }) }),
});
const RefreshTokenInput = builder.inputType('RefreshTokenInput', {
  fields: (t) => ({ refreshToken: t.string({ required: true }) }),
});
const ChangePasswordInput = builder.inputType('ChangePasswordInput', {
  fields: (t) => ({
    currentPassword: t.string({ required: true }),
    newPassword: t.string({ required: true }),
  }),
});

builder.mutationFields((t) => ({
  register: t.field({
    extensions: { [FOR_SIGNED_OUT]: true },
    type: RegisterResult,
    args: { input: t.arg({ type: RegisterInput, required: true }) },
    resolve: (_root, { input }, { services, clientAddress }) =>
      services.accounts.register(input, clientAddress),
  }),
  login: t.field({
    extensions: { [FOR_SIGNED_OUT]: true },
    type: LoginResult,
    args: { input: t.arg({ type: LoginInput, required: true }) },
    resolve: (_root, { input }, { services, clientAddress }) => services.accounts.login(input, clientAddress),
  }),
  refreshToken: t.field({
    extensions: { [FOR_SIGNED_OUT]: true },
    type: RefreshTokenResult,
    args: { input: t.arg({ type: RefreshTokenInput, required: true }) },
    resolve: (_root, { input }, { services }) => services.accounts.refresh(input.refreshToken),
  }),
  logout: t.field({
    type: LogoutResult,
    args: { input: t.arg({ type: RefreshTokenInput, required: true }) },
    resolve: async (_root, { input }, { services }) => ({
      user: await services.accounts.logout(input.refreshToken),
    }),
  }),
  changePassword: t.withAuth({ signedIn: true }).field({
    type: ChangePasswordResult,
    args: { input: t.arg({ type: ChangePasswordInput, required: true }) },
    resolve: (_root, { input }, { services, viewer }) => services.accounts.changePassword(viewer, input),
  }),
}));
