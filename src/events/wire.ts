import type { Announcement } from './announcement.ts';

/** PostgreSQL refuses a payload of 8,000 bytes or more. */
export const MAX_PAYLOAD_BYTES = 7_900;

/** What one NOTIFY says: whose it is, and its announcements; or only that there were too many of them. */
export interface Message {
  readonly origin: string;
  readonly announcements: readonly Announcement[] | 'many';
}

type Packed = readonly [type: string, ...fields: (string | number)[]];

function pack(announcement: Announcement): Packed {
  switch (announcement.type) {
    case 'task':
      return ['task', announcement.id, announcement.userId];
    case 'queue':
      return ['queue', announcement.id];
    case 'slots':
      return ['slots'];
    case 'node':
      return ['node', announcement.id];
    case 'generation':
      return ['generation', announcement.id];
    case 'cancel':
      return ['cancel', announcement.taskId, announcement.attempt, announcement.workerId];
    case 'account':
      return ['account', announcement.userId];
    default:
      return announcement satisfies never;
  }
}

function unpack(packed: unknown): Announcement | null {
  const [type, a, b, c]: unknown[] = Array.isArray(packed) ? packed : [];
  if (type === 'slots') return { type };
  if (typeof a !== 'string') return null;
  if (type === 'queue' || type === 'node' || type === 'generation') return { type, id: a };
  if (type === 'account') return { type, userId: a };
  if (type === 'task' && typeof b === 'string') return { type, id: a, userId: b };
  if (type === 'cancel' && typeof b === 'number' && typeof c === 'string') {
    return { type, taskId: a, attempt: b, workerId: c };
  }
  return null;
}

/** Equal for announcements that say the same. */
export function announcementKey(announcement: Announcement): string {
  return pack(announcement).join(' ');
}

/** Compact JSON that fits into one NOTIFY; announcements that don't become "many". */
export function encodeMessage({ origin, announcements }: Message): string {
  if (announcements !== 'many') {
    const text = JSON.stringify([origin, ...announcements.map(pack)]);
    if (Buffer.byteLength(text) <= MAX_PAYLOAD_BYTES) return text;
  }
  return JSON.stringify([origin, 'many']);
}

/** The message in a payload. What this version does not understand (an older or newer one sent it) is "many". */
export function decodeMessage(payload: string): Message {
  const [origin, ...packed] = parse(payload);
  const announcements = packed.map(unpack);
  const understood = typeof origin === 'string' && announcements.every((one) => one !== null);
  return {
    origin: typeof origin === 'string' ? origin : '',
    announcements: understood ? announcements : 'many',
  };
}

function parse(payload: string): unknown[] {
  try {
    const parsed: unknown = JSON.parse(payload);
    return Array.isArray(parsed) ? parsed : [];
  } catch {
    return [];
  }
}
