import { randomUUID } from 'node:crypto';
import { TypeID } from 'typeid-js';

/** The prefixes of ids at the API, by the name of the GraphQL type that bears them. */
const idPrefixes = {
  Task: 'task',
  User: 'user',
  ApiKey: 'apikey',
  GpuNode: 'node',
  Artifact: 'artifact',
  Schedule: 'schedule',
  Generation: 'generation',
  KnowledgeBase: 'kb',
  Document: 'doc',
} as const;

export type IdType = keyof typeof idPrefixes;

const typesByPrefix = new Map<string, IdType>(
  (Object.keys(idPrefixes) as IdType[]).map((type) => [idPrefixes[type], type]),
);

/** A new UUIDv7: rows and indexes stay in the order of creation. */
export function newId(): string {
  return new TypeID('').toUUID();
}

/** The lowest id that a row of that time can have. */
export function firstIdOf(time: Date): string {
  const hex = Math.max(0, time.getTime()).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}

/** A UUID that tells nothing and needs no order, such as a job's. */
export const randomId: () => string = randomUUID;

/** The API's form of a row's id: `task_01h…`. */
export function encodeId(type: IdType, uuid: string): string {
  return TypeID.fromUUID(idPrefixes[type], uuid).toString();
}

/** The type and row id behind an API id, or null where the text is not an id of ours. */
export function decodeAnyId(id: string): { type: IdType; uuid: string } | null {
  let parsed: TypeID<string>;
  try {
    parsed = TypeID.fromString(id);
  } catch {
    return null;
  }
  const type = typesByPrefix.get(parsed.getType());
  return type === undefined ? null : { type, uuid: parsed.toUUID() };
}

/** The row id behind an API id of that type, or null where it is none. */
export function decodeId(type: IdType, id: string): string | null {
  const decoded = decodeAnyId(id);
  return decoded?.type === type ? decoded.uuid : null;
}
