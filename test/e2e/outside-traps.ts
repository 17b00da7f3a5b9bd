import { heard, type OutsideProtocol, png, send, type Trap } from '../support/outside-nodes.ts';

/** What becomes of a task whose first call falls into the trap. */
export interface Expected {
  readonly status: 'SUCCEEDED' | 'FAILED';
  /** Of its attempts. */
  readonly outcomes: readonly string[];
  /** The code of the last failure. */
  readonly code?: string;
  /** What its message tells. */
  readonly says?: RegExp;
}

const again = (code: string, outcome = 'FAILED', says = /./): Expected => ({
  status: 'SUCCEEDED',
  outcomes: [outcome, 'SUCCEEDED'],
  code,
  says,
});
const refused = (says: RegExp): Expected => ({
  status: 'FAILED',
  outcomes: ['FAILED'],
  code: 'NODE_REJECTED',
  says,
});
export const fine: Expected = { status: 'SUCCEEDED', outcomes: ['SUCCEEDED'] };

const json =
  (body: unknown, status = 200, type: string | null = 'application/json'): Trap =>
  ({ response }) =>
    send(response, status, type, JSON.stringify(body));
const text =
  (body: string, status = 200, type = 'text/plain'): Trap =>
  ({ response }) =>
    send(response, status, type, body);

const broken: Trap = ({ response }) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': 5_000 });
  response.write('{"text":"half of it', () => response.destroy());
};
const brokenChunks: Trap = ({ response }) => {
  response.writeHead(200, { 'content-type': 'image/png' });
  response.write(Buffer.alloc(1_000), () => response.destroy());
};
const closed: Trap = ({ request }) => void request.socket.end();
const reset: Trap = ({ request }) => void request.socket.resetAndDestroy();
const endless: Trap = ({ response }) => {
  response.writeHead(200, { 'content-type': 'image/png' });
  const chunk = Buffer.alloc(256 * 1024, 1);
  const more = (): void => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on('drain', more);
  more();
};
const promisedGiant: Trap = ({ response }) => {
  response.writeHead(200, { 'content-type': 'image/png', 'content-length': 50_000_000_000 });
  response.write('x');
};

type Case = readonly [what: string, trap: Trap, expected: Expected];

/** Whatever the protocol. */
const everywhere: readonly Case[] = [
  ['a connection that is reset', reset, again('NODE_UNREACHABLE', 'NODE_LOST')],
  ['a connection that is closed without an answer', closed, again('NODE_UNREACHABLE', 'NODE_LOST')],
  ['half a body of a stated length', broken, again('BAD_NODE_ANSWER', 'FAILED', /cut short/)],
  ['half a body in chunks', brokenChunks, again('BAD_NODE_ANSWER', 'FAILED', /cut short/)],
  ['an endless answer', endless, again('BAD_NODE_ANSWER')],
  ['an answer that says that it is a giant', promisedGiant, again('BAD_NODE_ANSWER')],
  ['an empty answer', text(''), again('BAD_NODE_ANSWER')],
  ['500', text('CUDA error: out of memory', 500), again('NODE_ERROR', 'FAILED', /out of memory/)],
  ['a proxy that finds no server', text('<h1>502 Bad Gateway</h1>', 502, 'text/html'), again('NODE_ERROR')],
  [
    'a page of a proxy with 200',
    text('<html><h1>It works!</h1></html>', 200, 'text/html'),
    again('BAD_NODE_ANSWER'),
  ],
];

const busy: Expected = { status: 'SUCCEEDED', outcomes: ['FAILED', 'SUCCEEDED'], says: /./ };
/** Says that it has no room now. */
export const full: Trap = ({ response }) => {
  response.writeHead(429, { 'content-type': 'application/json', 'retry-after': '1' });
  response.end('{"error":"job queue is full"}');
};
const unavailable: Trap = ({ response }) => {
  response.writeHead(503, { 'content-type': 'application/json', 'retry-after': '1' });
  response.end('{"error":{"message":"Loading model","type":"unavailable_error","code":503}}');
};

const own: Readonly<Record<OutsideProtocol, readonly Case[]>> = {
  QWEN_IMAGE_GGUF: [
    ['no type', async ({ response }) => send(response, 200, null, await png(64, 48)), fine],
    ['a wrong type', async ({ response }) => send(response, 200, 'text/html', await png(64, 48)), fine],
    [
      'a picture of another size',
      async ({ response }) => send(response, 200, 'image/png', await png(104, 104)),
      fine,
    ],
    [
      'an error inside of 200',
      json({ error: 'out of memory' }),
      again('BAD_NODE_ANSWER', 'FAILED', /out of memory/),
    ],
    ['400', text('prompt is too long', 400), refused(/prompt is too long/)],
    ['422', json({ detail: 'num_inference_steps' }, 422), refused(/num_inference_steps/)],
    [
      'a long error',
      text(`beginning ${'x'.repeat(100_000)}`, 500),
      again('NODE_ERROR', 'FAILED', /^.{0,2200}$/),
    ],
  ],
  FAST_WHISPER: [
    ['data.text', json({ code: 0, message: 'ok', data: { text: heard } }), fine],
    ['JSON as text/html', json({ code: 0, message: 'ok', text: heard }, 200, 'text/html'), fine],
    ['an error inside of 200', json({ code: 1, message: 'audio too short' }), refused(/audio too short/)],
    [
      'a crash inside of 200',
      json({ code: 500, message: 'CUDA out of memory' }),
      again('NODE_ERROR', 'FAILED', /CUDA/),
    ],
    ['success without a transcript', json({ code: 0, message: 'success' }), again('BAD_NODE_ANSWER')],
    [
      'JSON that ends too early',
      text('{"code":0,"text":"go', 200, 'application/json'),
      again('BAD_NODE_ANSWER'),
    ],
  ],
  OPENAI: [
    [
      'an error inside of 200',
      json({ error: { message: 'device lost' } }),
      again('NODE_ERROR', 'FAILED', /device lost/),
    ],
    ['no data', json({ created: 1, data: [] }), again('BAD_NODE_ANSWER')],
    ['base64 of no picture', json({ data: [{ b64_json: 'bm8gcGljdHVyZQ==' }] }), again('BAD_NODE_ANSWER')],
    [
      'JSON without a type',
      async ({ response }) =>
        send(
          response,
          200,
          null,
          JSON.stringify({ data: [{ b64_json: (await png(64, 48)).toString('base64') }] }),
        ),
      fine,
    ],
    [
      'a data URL in b64_json',
      async ({ response }) => {
        const b64 = `data:image/png;base64,${(await png(64, 48)).toString('base64')}`;
        send(response, 200, 'application/json', JSON.stringify({ data: [{ b64_json: b64, url: null }] }));
      },
      fine,
    ],
    [
      '400',
      json({ error: { message: 'content policy', type: 'invalid_request_error' } }, 400),
      refused(/content policy/),
    ],
    [
      'the wrong token',
      json({ error: { message: 'Incorrect API key' } }, 401),
      again('NODE_ERROR', 'FAILED', /refused our token/),
    ],
  ],
  WHISPER_CPP: [
    ['404 while it loads', text('File Not Found (/inference)', 404), again('NODE_ERROR', 'FAILED')],
    ['its transcript as text/html', text(` ${heard}\n`, 200, 'text/html'), again('BAD_NODE_ANSWER')],
    ['JSON as text/html', json({ text: ` ${heard}\n` }, 200, 'text/html'), fine],
    ['400', text('Invalid request', 400), refused(/Invalid request/)],
    ['sound that it cannot read', json({ error: 'failed to read audio data' }), refused(/failed to read/)],
    [
      'an error inside of 200',
      json({ error: 'failed to process audio' }),
      again('NODE_ERROR', 'FAILED', /failed to process/),
    ],
  ],
};

export const trappedProtocols = Object.keys(own) as OutsideProtocol[];

/** What servers of that protocol do in the field, and what is to become of it. */
export function trapsOf(protocol: OutsideProtocol): readonly Case[] {
  return [
    // The connection is the same matter for all of them: one that draws and one that hears will do.
    ...(protocol === 'QWEN_IMAGE_GGUF' || protocol === 'WHISPER_CPP' ? everywhere : []),
    ...own[protocol],
    ['429', full, busy],
    ['503 while it loads', unavailable, busy],
  ];
}
