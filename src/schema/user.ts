import type { Role, Tier } from '../database/index.ts';
import { InvalidInputError, NotFoundError } from '../errors.ts';
import { decodeId } from '../ids.ts';
import { builder } from './builder.ts';
import { described } from './described.ts';
import { connectionCost, connectionOf, pageRequest } from './page.ts';

const RoleEnum = builder.enumType('Role', {
  values: described<Role>({
    USER: 'Sees and changes what is its own',
    OPERATOR: "Nodes, and everybody's tasks",
    ADMIN: 'As operators, and users too',
  }),
});
const TierEnum = builder.enumType('Tier', {
  values: described<Tier>({
    FREE: '10,000 waiting tasks, priority up to NORMAL, unless the server has other limits',
    PRO: 'Ten times what FREE has, priority up to HIGH',
    VIP: 'No limits, priority up to URGENT',
  }),
});

export const UserType = builder.prismaNode('User', {
  id: { field: 'id' },
  nullable: true,
  fields: (t) => ({
    username: t.exposeString('username', { description: 'In lower case, unique' }),
    role: t.expose('role', { type: RoleEnum, description: 'What it may do' }),
    tier: t.expose('tier', { type: TierEnum, description: 'How much it may do' }),
    disabled: t.exposeBoolean('disabled', { description: 'Whether it may not sign in, nor use its keys' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made' }),
  }),
});

builder.queryField('me', (t) =>
  t.prismaField({
    type: UserType,
    nullable: true,
    description: 'Who asks; null without a credential',
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
    args: {
      first: t.arg.int({ description: 'How many; 1 to 100; default: 20' }),
      after: t.arg.string({ description: 'The cursor of the last one seen' }),
      search: t.arg.string({ description: 'What the username contains' }),
    },
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
    role: t.field({ type: RoleEnum, description: 'What it may do from now on' }),
    tier: t.field({ type: TierEnum, description: 'How much it may do from now on' }),
    disabled: t.boolean({ description: 'True: its sessions and keys are no good any more, at once' }),
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
    args: {
      id: t.arg.id({ required: true, description: 'Of the user: user_…' }),
      input: t.arg({ type: UpdateUserInput, required: true, description: 'What is to change' }),
    },
    resolve: async (_root, { id, input }, { services }) => {
      const userId = decodeId('User', id);
      if (userId === null) throw new NotFoundError('no such user');
      return UserType.addBrand(await services.accounts.updateUser(userId, input));
    },
  }),
);
