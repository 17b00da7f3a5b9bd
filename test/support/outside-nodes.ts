import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import sharp from 'sharp';
import { freePort } from './free-port.ts';

/**
 * Inference servers as strangers would write them from the wire contracts alone. They share nothing with the
 * simulator and the protocols of Switchyard, so that a mistake that both make in the same way is found.
 */
export type OutsideProtocol = 'QWEN_IMAGE_GGUF' | 'FAST_WHISPER' | 'OPENAI' | 'WHISPER_CPP';

/** A call that asked for work. */
export interface OutsideCall {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  /** The fields of JSON, or of a form; `body` where it was neither. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly file: { readonly name: string; readonly type: string; readonly bytes: Buffer } | null;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** Answers one call in another way than a server in good order would. */
export type Trap = (call: OutsideCall) => void | Promise<void>;

export interface OutsideNode extends AsyncDisposable {
  readonly url: string;
  readonly protocol: OutsideProtocol;
  /** Every call that asked for work, the trapped ones too. */
  readonly calls: readonly OutsideCall[];
  /** How many calls it worked on at once at most. */
  readonly peak: number;
  /** The next calls for work fall into these, one each. */
  trap(...traps: readonly Trap[]): void;
  /** What it answers when it is asked whether it is ready; null: as a server in good order. */
  answerReady(answer: ((response: ServerResponse) => void) | null): void;
  /** Calls that come from now on wait for `release` before they are answered. */
  hold(): void;
  release(): void;
  /** Dies: every connection is cut, later ones are refused. */
  die(): Promise<void>;
  /** Vanishes, as a machine without power: new connections are refused, the open ones fall silent for ever. */
  vanish(): void;
  /** Comes back at the same address. */
  revive(): Promise<void>;
  /** Resolves when so many calls for work have come, from the first on. */
  called(count: number): Promise<void>;
}

export function send(
  response: ServerResponse,
  status: number,
  type: string | null,
  body: string | Buffer,
): void {
  response.writeHead(status, type === null ? {} : { 'content-type': type }).end(body);
}

const sendJson = (response: ServerResponse, body: unknown, status = 200): void =>
  send(response, status, 'application/json', JSON.stringify(body));

/** A picture of one colour. */
export function png(width: number, height: number, red = 200): Promise<Buffer> {
  return sharp({ create: { width, height, channels: 3, background: { r: red, g: 20, b: 60 } } })
    .png()
    .toBuffer();
}

/** What each of them hears. */
export const heard = 'go forward ten meters';

interface Wire {
  /** How to ask it whether it is ready; null where that can't be asked. */
  readonly readyPath: string | null;
  ready(response: ServerResponse): void;
  /** By path. */
  readonly work: Readonly<Record<string, (call: OutsideCall) => void | Promise<void>>>;
  /** Whether it stops working when the caller hangs up. */
  readonly stops: boolean;
  /** What an unknown path gets. */
  notFound(request: IncomingMessage, response: ServerResponse): void;
}

const isWave = (bytes: Buffer): boolean =>
  bytes.toString('latin1', 0, 4) === 'RIFF' && bytes.toString('latin1', 8, 12) === 'WAVE';

const qwenImage: Wire = {
  stops: false,
  readyPath: '/ping',
  ready: (response) => sendJson(response, { message: 'pong', status: 'ready' }),
  work: {
    async '/generate'({ fields, response }) {
      const { prompt, num_inference_steps: steps = 20, negative_prompt: negative = '' } = fields;
      if (typeof prompt !== 'string' || !Number.isInteger(steps) || typeof negative !== 'string') {
        return sendJson(response, { detail: 'prompt: str, num_inference_steps: int' }, 422);
      }
      send(response, 200, 'image/png', await png(64, 48));
    },
  },
  notFound: (_, response) => sendJson(response, { detail: 'Not Found' }, 404),
};

const fastWhisper: Wire = {
  stops: false,
  readyPath: null,
  ready: (response) => sendJson(response, { detail: 'Not Found' }, 404),
  work: {
    '/api/v1/asr'({ file, response }) {
      if (!file) return sendJson(response, { code: 1, message: 'file is missing' });
      sendJson(response, { code: 0, message: 'success', text: heard, language: 'en' });
    },
    '/api/v1/asr/pcm'({ fields, headers, response }) {
      const bytes = fields.body as Buffer;
      if (headers['content-type'] !== 'application/octet-stream') {
        return sendJson(response, { code: 1, message: 'unsupported media type' }, 415);
      }
      if (bytes.length < 32_000) return sendJson(response, { code: 1, message: 'audio too short' });
      sendJson(response, { code: 0, message: 'success', text: heard });
    },
  },
  notFound: (_, response) => sendJson(response, { detail: 'Not Found' }, 404),
};

const openai: Wire = {
  stops: true,
  readyPath: '/v1/models',
  ready: (response) =>
    sendJson(response, { object: 'list', data: [{ id: 'sd-cpp-local', object: 'model' }] }),
  work: {
    async '/v1/images/generations'({ fields, response }) {
      const { prompt, n = 1, size = '512x512' } = fields;
      const [width, height] = String(size).split('x').map(Number);
      if (typeof prompt !== 'string' || !width || !height) {
        return sendJson(response, { error: { message: 'Invalid size', type: 'invalid_request_error' } }, 400);
      }
      const pictures = Array.from({ length: Number(n) }, (_, index) => png(width, height, 10 * index));
      const data = (await Promise.all(pictures)).map((picture) => ({ b64_json: picture.toString('base64') }));
      sendJson(response, { created: 1, output_format: 'png', data });
    },
    '/v1/audio/transcriptions'({ fields, file, response }) {
      if (!file || typeof fields.model !== 'string') {
        return sendJson(response, { detail: [{ loc: ['body', 'file'], msg: 'Field required' }] }, 422);
      }
      if (fields.response_format !== 'verbose_json') return sendJson(response, { text: heard });
      const segments = [{ id: 0, start: 0, end: 1.5, text: ` ${heard}`, tokens: [1], avg_logprob: -0.1 }];
      sendJson(response, { task: 'transcribe', language: 'english', duration: 2, text: heard, segments });
    },
  },
  notFound: (_, response) => sendJson(response, { error: { message: 'Not Found' } }, 404),
};

const whisperCpp: Wire = {
  stops: true,
  readyPath: '/health',
  ready: (response) => sendJson(response, { status: 'ok' }),
  work: {
    '/inference'({ fields, file, response }) {
      if (!file || !isWave(file.bytes)) return send(response, 400, 'text/plain', 'Invalid request');
      const text = ` ${heard}\n`;
      if (fields.response_format === 'text') return send(response, 200, 'text/html', text);
      if (fields.response_format !== 'verbose_json') return sendJson(response, { text });
      const segments = [{ id: 0, text, start: 0, end: 2, tokens: [1], words: [], temperature: 0 }];
      sendJson(response, { task: 'transcribe', language: 'english', duration: 2.05, text, segments });
    },
  },
  notFound: ({ url }, response) => send(response, 404, 'text/plain', `File Not Found (${url})`),
};

const wires: Readonly<Record<OutsideProtocol, Wire>> = {
  QWEN_IMAGE_GGUF: qwenImage,
  FAST_WHISPER: fastWhisper,
  OPENAI: openai,
  WHISPER_CPP: whisperCpp,
};

async function readCall(request: IncomingMessage, response: ServerResponse): Promise<OutsideCall> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const { headers, url: path = '/' } = request;
  const type = headers['content-type'] ?? '';
  const base = { path, headers, request, response };
  if (type.startsWith('application/json')) return { ...base, fields: JSON.parse(String(body)), file: null };
  if (!type.startsWith('multipart/form-data')) return { ...base, fields: { body }, file: null };
  const form = await new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData();
  const texts = [...form].filter(([, value]) => typeof value === 'string');
  const file = form.get('file');
  return {
    ...base,
    fields: Object.fromEntries(texts),
    file:
      file instanceof File
        ? { name: file.name, type: file.type, bytes: Buffer.from(await file.arrayBuffer()) }
        : null,
  };
}

/** @param token what it wants to be shown; null: nothing */
export async function startOutsideNode(
  protocol: OutsideProtocol,
  { token = null }: { token?: string | null } = {},
): Promise<OutsideNode> {
  const wire = wires[protocol];
  const calls: OutsideCall[] = [];
  const traps: Trap[] = [];
  const awaited: { count: number; resolve: () => void }[] = [];
  let answerReady: ((response: ServerResponse) => void) | null = null;
  let held: PromiseWithResolvers<void> | null = null;
  let isSilent = false;
  let working = 0;
  let peak = 0;

  async function work(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '/';
    const answer = request.method === 'POST' && Object.hasOwn(wire.work, path) ? wire.work[path] : undefined;
    if (!answer) return wire.notFound(request, response);
    working++;
    peak = Math.max(peak, working);
    const hungUp = once(response, 'close');
    try {
      const call = await readCall(request, response);
      calls.push(call);
      for (const { count, resolve } of awaited) if (calls.length >= count) resolve();
      const trap = traps.shift();
      await (wire.stops ? Promise.race([held?.promise, hungUp]) : held?.promise);
      if (!isSilent) await (trap ?? answer)(call);
      if (wire.stops) await hungUp;
    } finally {
      working--;
    }
  }

  const server = createServer((request, response) => {
    if (token !== null && request.headers.authorization !== `Bearer ${token}`) {
      return sendJson(response, { error: { message: 'Incorrect API key provided' } }, 401);
    }
    if (request.method === 'GET' && request.url === wire.readyPath) {
      return (answerReady ?? wire.ready)(response);
    }
    // The caller may hang up at any moment.
    work(request, response).catch(() => response.destroy());
  });
  const listen = async (port: number): Promise<number> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  async function die(): Promise<void> {
    const closed = server.listening ? once(server, 'close') : Promise.resolve();
    server.close();
    server.closeAllConnections();
    await closed;
  }
  // It may come back there.
  const port = await listen(await freePort());

  return {
    url: `http://127.0.0.1:${port}`,
    protocol,
    calls,
    get peak() {
      return peak;
    },
    trap: (...more) => void traps.push(...more),
    answerReady(answer) {
      answerReady = answer;
    },
    hold() {
      held ??= Promise.withResolvers();
    },
    release() {
      held?.resolve();
      held = null;
    },
    vanish() {
      isSilent = true;
      server.close();
    },
    die,
    revive: async () => void (await listen(port)),
    called: (count) =>
      new Promise((resolve) => {
        if (calls.length >= count) resolve();
        else awaited.push({ count, resolve });
      }),
    [Symbol.asyncDispose]: die,
  };
}
