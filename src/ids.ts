import { randomUUID } from 'node:crypto';
import { TypeID } from 'typeid-js';

/** The prefixes of ids at the API, by the name of the GraphQL type that bears them. */
const idPrefixes = {
  Task: 'task',
  User: 'user',
  ApiKey: 'apikey',
  GpuNode: 'node',
  Artifact: 'artifact',
  Batch: 'batch',
  Schedule: 'schedule',
  Generation: 'generation',
  KnowledgeBase: 'kb',
  Document: 'doc',
  Webhook: 'webhook',
} as const;

/** Of what is never looked for by its id alone. */
const partPrefixes = { WebhookDelivery: 'delivery' } as const;

export type IdType = keyof typeof idPrefixes;
type PartType = keyof typeof partPrefixes;

const allPrefixes = { ...idPrefixes, ...partPrefixes };

const typesByPrefix = new Map<string, IdType>(
  (Object.keys(idPrefixes) as IdType[]).map((type) => [idPrefixes[type], type]),
);

/** A new UUIDv7: rows and indexes stay in the order of creation. */
export function newId(): string {
  return new TypeID('').toUUID();
}

/** Below every row's id: no row has it. */
export const LOWEST_ID = '00000000-0000-0000-0000-000000000000';

/** The lowest id that a row of that time can have. */
export function firstIdOf(time: Date): string {
  const hex = Math.max(0, time.getTime()).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}

/** Milliseconds since 1970, as an id begins with them. */
const timeOf = (uuid: string): number => Number.parseInt(uuid.replaceAll('-', '').slice(0, 12), 16);

/** A new UUIDv7 above all of these, even if a process made them whose clock is ahead. */
export function newIdAfter(ids: readonly string[]): string {
  const id = newId();
  const highest = ids.reduce((most, one) => (one > most ? one : most), '');
  if (id > highest) return id;
  const time = (timeOf(highest) + 1).toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}${id.slice(13)}`;
}

/** A UUID that tells nothing and needs no order, such as a job's. */
export const randomId: () => string = randomUUID;

/** The API's form of a row's id: `task_01h…`. */
export function encodeId(type: IdType | PartType, uuid: string): string {
  return TypeID.fromUUID(allPrefixes[type], uuid).toString();
}

/** Null for what is no id, and for one whose letters come to nothing that is a UUID. */
function parseId(id: string): { readonly prefix: string; readonly uuid: string } | null {
  try {
    const parsed = TypeID.fromString(id);
    return { prefix: parsed.getType(), uuid: parsed.toUUID() };
  } catch {
    return null;
  }
}

/** The type and row id behind an API id, or null where the text is not an id of ours. */
export function decodeAnyId(id: string): { type: IdType; uuid: string } | null {
  const parsed = parseId(id);
  const type = parsed ? typesByPrefix.get(parsed.prefix) : undefined;
  return parsed && type ? { type, uuid: parsed.uuid } : null;
}

/** The row id behind an API id of that type, or null where it is none. */
export function decodeId(type: IdType | PartType, id: string): string | null {
  const parsed = parseId(id);
  return parsed?.prefix === allPrefixes[type] ? parsed.uuid : null;
}
