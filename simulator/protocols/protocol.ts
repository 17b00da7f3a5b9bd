import type { WebSocket } from 'ws';
import type { Job, Jobs } from '../jobs.ts';
import type { SimulatorSettings } from '../settings.ts';

export interface Request {
  /** `POST /generate` */
  readonly route: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Something that takes a slot and time. */
export interface Work {
  /** What was asked for, as the history shows it. */
  readonly input: Readonly<Record<string, unknown>>;
  /** Megapixel-steps, or seconds of sound. */
  readonly units: number;
  make(): Promise<Answer>;
  /** By which other requests name it, where they do. */
  readonly job?: string;
  /** How many it takes, where the server tells of each. */
  readonly steps?: number;
  /** Of servers that stream: what is sent after each step, in front of what `make` answers. All of one type. */
  told?(job: Job): Answer;
  /** Of servers that take a job and are asked for its result later: what the caller gets at once. */
  accepted?(job: Job): Answer;
  /** What the caller gets where somebody stops the job; without it the connection is closed. */
  stopped?(): Promise<Answer>;
}

/** How a simulated node looks from outside: one sort of server. */
export interface SimulatedProtocol {
  readonly stopsOnDisconnect: boolean;
  /** Of servers that take no token as it is: what callers hear who do not have it; null for those who do. */
  refuses?(request: Request, token: string): Answer | null;
  /** Requests that are work; null for others. Answers at once what is wrong with them. */
  work(request: Request, settings: SimulatorSettings, jobs: Jobs): Promise<Work | Answer> | null;
  /** All other requests; null where the server has no such page. */
  page(request: Request, settings: SimulatorSettings, jobs: Jobs): Promise<Answer | null> | Answer | null;
  /** Speaks on a WebSocket; null where the server has none there. */
  socket?(request: Pick<Request, 'route' | 'url'>, jobs: Jobs): ((socket: WebSocket) => void) | null;
  /** The server's own way to say that it … */
  readonly says: {
    readonly full: Answer;
    readonly failed: Answer;
    readonly loading: Answer;
    readonly errorInside: Answer;
    notFound(path: string): Answer;
  };
}

export function json(status: number, body: unknown, headers?: Readonly<Record<string, string>>): Answer {
  return { status, type: 'application/json', body: JSON.stringify(body), ...(headers ? { headers } : {}) };
}

export function text(status: number, body: string, type = 'text/plain'): Answer {
  return { status, type, body };
}

export function isWork(answered: Work | Answer): answered is Work {
  return 'make' in answered;
}

/** The body's object; an empty one where it is none. */
export function fields(request: Request): Record<string, unknown> {
  try {
    const body: unknown = JSON.parse(Buffer.from(request.bytes).toString());
    return typeof body === 'object' && body !== null ? { ...body } : {};
  } catch {
    return {}; // Each protocol says in its own words that a field is missing.
  }
}

/** A multipart form; null where the body is none. */
export async function form(request: Request): Promise<FormData | null> {
  const type = request.headers['content-type'];
  if (type === undefined) return null;
  return new Response(request.bytes, { headers: { 'content-type': type } }).formData().catch(() => null);
}

/** A whole number of a body, or the default. */
export function integer(value: unknown, standard: number): number {
  return Number.isSafeInteger(value) ? Number(value) : standard;
}
