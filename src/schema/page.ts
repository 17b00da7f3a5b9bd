import { type InputIssue, InvalidInputError } from '../errors.ts';

/** What the arguments of every connection are: Relay's. */
export interface PageArguments {
  readonly first?: number | null | undefined;
  readonly last?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly before?: string | null | undefined;
}

type Direction = 'asc' | 'desc';

/** A page as a query by id: rows strictly between two ids, one more than asked for. */
export interface PageRequest {
  readonly id: { readonly lt?: string; readonly gt?: string };
  readonly direction: Direction;
  readonly take: number;
  readonly size: number;
  readonly backwards: boolean;
  readonly hasCursor: boolean;
}

const DEFAULT_SIZE = 20;
const MAX_SIZE = 100;
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function encodeCursor(id: string): string {
  return Buffer.from(id).toString('base64url');
}

function decodeCursor(name: string, cursor: string, issues: InputIssue[]): string | undefined {
  const id = Buffer.from(cursor, 'base64url').toString();
  if (uuid.test(id)) return id;
  issues.push({ path: name, message: 'must be a cursor from pageInfo or edges of this list' });
  return undefined;
}

function checkSize(name: string, size: number, issues: InputIssue[]): void {
  if (size < 1 || size > MAX_SIZE) issues.push({ path: name, message: `must be 1 to ${MAX_SIZE}` });
}

/**
 * Reads a connection's arguments for a list in the order of its ids. Ids are UUIDv7, so that is the order of
 * creation, and a cursor stays where it is whatever comes or goes around it.
 * @throws InvalidInputError that names the argument
 */
export function pageRequest(args: PageArguments, order: Direction): PageRequest {
  const issues: InputIssue[] = [];
  if (args.first != null && args.last != null) {
    issues.push({ path: 'last', message: 'must not be given together with first' });
  }
  if (args.first != null) checkSize('first', args.first, issues);
  if (args.last != null) checkSize('last', args.last, issues);
  const after = args.after == null ? undefined : decodeCursor('after', args.after, issues);
  const before = args.before == null ? undefined : decodeCursor('before', args.before, issues);
  if (issues.length > 0) throw new InvalidInputError(issues);
  const backwards = args.last != null;
  const size = args.last ?? args.first ?? DEFAULT_SIZE;
  const [lower, upper] = order === 'asc' ? [after, before] : [before, after];
  return {
    id: { ...(lower === undefined ? {} : { gt: lower }), ...(upper === undefined ? {} : { lt: upper }) },
    direction: backwards === (order === 'asc') ? 'desc' : 'asc',
    take: size + 1,
    size,
    backwards,
    hasCursor: (backwards ? before : after) !== undefined,
  };
}

interface Around {
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
}

/** A connection of rows in the order of their ids. */
export function connectionOf<Row extends { readonly id: string }>(rows: readonly Row[], around: Around) {
  const edges = rows.map((node) => ({ cursor: encodeCursor(node.id), node }));
  return {
    edges,
    pageInfo: {
      ...around,
      startCursor: edges.at(0)?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
  };
}

/** A connection of the rows that a {@link PageRequest} found. */
export function pageOf<Row extends { readonly id: string }>(rows: readonly Row[], page: PageRequest) {
  const more = rows.length > page.size;
  const kept = rows.slice(0, page.size);
  return page.backwards
    ? connectionOf(kept.reverse(), { hasNextPage: page.hasCursor, hasPreviousPage: more })
    : connectionOf(kept, { hasNextPage: more, hasPreviousPage: page.hasCursor });
}

/** What a connection costs: everything below it, once for each row. */
export function connectionCost({ first, last }: PageArguments): { field: number; multiplier: number } {
  return { field: 1, multiplier: Math.min(Math.max(first ?? last ?? DEFAULT_SIZE, 1), MAX_SIZE) };
}
