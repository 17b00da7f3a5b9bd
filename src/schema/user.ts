import type { Role, Tier } from '../database/index.ts';
import { InvalidInputError, NotFoundError } from '../errors.ts';
import { decodeId } from '../ids.ts';
import { builder } from './builder.ts';
import { connectionCost, connectionOf, pageRequest } from './page.ts';

const RoleEnum = builder.enumType('Role', { values: ['USER', 'OPERATOR', 'ADMIN'] satisfies Role[] });
const TierEnum = builder.enumType('Tier', { values: ['FREE', 'PRO', 'VIP'] satisfies Tier[] });

export const UserType = builder.prismaNode('User', {
  id: { field: 'id' },
  fields: (t) => ({
    username: t.exposeString('username'),
    role: t.expose('role', { type: RoleEnum }),
    tier: t.expose('tier', { type: TierEnum }),
    disabled: t.exposeBoolean('disabled'),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
  }),
});

builder.queryField('me', (t) =>
  t.prismaField({
    type: UserType,
    nullable: true,
    resolve: (query, _root, _args, { viewer, services }) =>
      viewer === null
        ? null
        : services.database.prisma.user.findUnique({ ...query, where: { id: viewer.userId } }),
  }),
);

const UserConnection = builder.connectionObject(
  { type: UserType, name: 'UserConnection' },
  { name: 'UserEdge' },
);

builder.queryField('users', (t) =>
  t.withAuth({ admin: true }).field({
    type: UserConnection,
    description: 'Admins. In the order of their creation.',
    complexity: connectionCost,
    args: { first: t.arg.int(), after: t.arg.string(), search: t.arg.string() },
    resolve: async (_root, { search, ...args }, { services }) => {
      const page = pageRequest(args, 'asc');
      const { users, hasNextPage } = await services.accounts.listUsers({
        search,
        after: page.id.gt,
        first: page.size,
      });
      return connectionOf(users, { hasNextPage, hasPreviousPage: page.hasCursor });
    },
  }),
);

const UpdateUserInput = builder.inputType('UpdateUserInput', {
  fields: (t) => ({
    role: t.field({ type: RoleEnum }),
    tier: t.field({ type: TierEnum }),
    disabled: t.boolean(),
  }),
});

const UpdateUserResult = builder.errorUnion('UpdateUserResult', {
  types: [UserType, NotFoundError, InvalidInputError],
  resolveType: () => 'User',
});

builder.mutationField('updateUser', (t) =>
  t.withAuth({ admin: true }).field({
    type: UpdateUserResult,
    description: 'Admins: role, tier, disabled',
    args: { id: t.arg.id({ required: true }), input: t.arg({ type: UpdateUserInput, required: true }) },
    resolve: async (_root, { id, input }, { services }) => {
      const userId = decodeId('User', id);
      if (userId === null) throw new NotFoundError('no such user');
      return UserType.addBrand(await services.accounts.updateUser(userId, input));
    },
  }),
);
