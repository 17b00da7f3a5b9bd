import { InvalidStateError, NotFoundError } from '../errors.ts';
import { builder } from './builder.ts';

const DeletePayload = builder.objectRef<{ id: string }>('DeletePayload').implement({
  fields: (t) => ({ id: t.exposeID('id', { description: 'Of what is gone' }) }),
});

/** What deletions come to, but for those of tasks. */
export const DeleteResult = builder.errorUnion('DeleteResult', {
  types: [DeletePayload, NotFoundError, InvalidStateError],
  resolveType: () => 'DeletePayload',
});
