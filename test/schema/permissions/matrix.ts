import { encodeId } from '../../../src/ids.ts';
import type { Api, Person } from '../../http/support.ts';
import type { Work } from '../../http/work.ts';

export const callers = ['anonymous', 'stranger', 'owner', 'operator', 'admin'] as const;
export type Caller = (typeof callers)[number];

/** What the five are told, in that order. */
type Row = readonly [string, string, string, string, string];

/** Nobody; whoever signed in; and so on. Where a name says "own", it is the owner's, for others to try. */
export const everybody: Row = ['ok', 'ok', 'ok', 'ok', 'ok'];
export const signedIn: Row = ['UNAUTHENTICATED', 'ok', 'ok', 'ok', 'ok'];
export const operators: Row = ['UNAUTHENTICATED', 'FORBIDDEN', 'FORBIDDEN', 'ok', 'ok'];
export const admins: Row = ['UNAUTHENTICATED', 'FORBIDDEN', 'FORBIDDEN', 'FORBIDDEN', 'ok'];
export const seenByOwner: Row = ['UNAUTHENTICATED', 'null', 'ok', 'ok', 'ok'];
export const foundByOwner: Row = ['UNAUTHENTICATED', 'NotFoundError', 'ok', 'ok', 'ok'];
export const watchedByOwner: Row = ['UNAUTHENTICATED', 'NOT_FOUND', 'ok', 'ok', 'ok'];

export interface Case {
  /** Of Query, Mutation or Subscription. */
  readonly field: string;
  readonly what?: string;
  readonly operation: string;
  readonly variables?: (stage: Stage) => Promise<object> | object;
  readonly expected: Row;
}

/** Where it is tried: a server, work to be done on it, and those who try. */
export interface Stage {
  readonly api: Api;
  readonly work: Work;
  readonly people: Readonly<Record<Exclude<Caller, 'anonymous'>, Person>>;
  /** Another one each time. */
  unique(prefix: string): string;
}

/** Parts of operations. */
export const byId = '($id: ID!)';
export const union = '{ __typename ... on Error { message } }';
export const nodeQuery = `query ${byId} { node(id: $id) { id } }`;

export const ownUser = ({ people }: Stage): { id: string } => ({
  id: encodeId('User', people.owner.user.id),
});
