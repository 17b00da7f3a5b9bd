/** A real speech-to-text node on a CPU: Debian's pocketsphinx behind the fast-whisper protocol. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const SAMPLE_RATE = 16_000;
const MIN_PCM_BYTES = SAMPLE_RATE * 2;
const MAX_BODY_BYTES = 100_000_000;

/** An answer of the protocol: code 0 is success, whatever the HTTP status says. */
interface Reply {
  readonly code: number;
  readonly message: string;
  readonly text?: string;
  readonly language?: string;
}

const run = promisify(execFile);

async function recognise(wav: Uint8Array): Promise<Reply> {
  const folder = await mkdtemp(path.join(tmpdir(), 'pocketsphinx-'));
  try {
    const file = path.join(folder, 'speech.wav');
    await writeFile(file, wav);
    const { stdout } = await run('pocketsphinx_continuous', ['-infile', file, '-logfn', '/dev/null']);
    // One line for each stretch of speech between silences.
    const text = stdout
      .split('\n')
      .map((line) => line.trim())
      .filter(Boolean)
      .join(' ');
    return { code: 0, message: 'success', text, language: 'en' };
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function recogniseUpload(body: Uint8Array<ArrayBuffer>, type: string): Promise<Reply> {
  const form = await new Response(body, { headers: { 'content-type': type } }).formData().catch(() => null);
  const file = form?.get('file');
  if (!(file instanceof Blob))
    return { code: 422, message: 'file: a multipart field with the sound is required' };
  const wav = Buffer.from(await file.arrayBuffer());
  const wrong = problemWith(wav);
  return wrong === null ? recognise(wav) : { code: 2, message: wrong };
}

async function recogniseSamples(body: Uint8Array): Promise<Reply> {
  if (body.length < MIN_PCM_BYTES) return { code: 1, message: 'audio too short' };
  return recognise(Buffer.concat([wavHeader(body.length), body]));
}

function problemWith(wav: Buffer): string | null {
  const isWav =
    wav.length >= 44 &&
    wav.toString('latin1', 0, 4) === 'RIFF' &&
    wav.toString('latin1', 8, 16) === 'WAVEfmt ';
  if (!isWav) return 'only WAV files can be read';
  const [channels, rate, bits] = [wav.readUInt16LE(22), wav.readUInt32LE(24), wav.readUInt16LE(34)];
  if (channels === 1 && rate === SAMPLE_RATE && bits === 16) return null;
  return `WAV files must be 16 kHz, mono, 16 bits, not ${rate} Hz, ${channels} channels, ${bits} bits`;
}

function wavHeader(dataBytes: number): Buffer {
  const header = Buffer.alloc(44);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(36 + dataBytes, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(SAMPLE_RATE, 24);
  header.writeUInt32LE(SAMPLE_RATE * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(dataBytes, 40);
  return header;
}

async function readBody(request: IncomingMessage): Promise<Uint8Array<ArrayBuffer> | null> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) return null;
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

async function answer(request: IncomingMessage): Promise<[status: number, Reply]> {
  const body = await readBody(request);
  if (body === null) return [413, { code: 413, message: `at most ${MAX_BODY_BYTES} bytes` }];
  switch (`${request.method} ${request.url}`) {
    case 'POST /api/v1/asr':
      return [200, await recogniseUpload(body, request.headers['content-type'] ?? '')];
    case 'POST /api/v1/asr/pcm':
      return [200, await recogniseSamples(body)];
    default:
      return [404, { code: 404, message: 'POST /api/v1/asr or /api/v1/asr/pcm' }];
  }
}

const server = createServer((request, response) => {
  answer(request)
    .catch((error: Error): [number, Reply] => {
      console.error(error);
      return [
        500,
        { code: 500, message: 'pocketsphinx_continuous failed; is the package pocketsphinx installed?' },
      ];
    })
    .then(([status, reply]) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(reply));
    });
});

const host = process.env.HOST ?? '127.0.0.1';
const port = Number(process.env.PORT ?? 9020);
server.listen(port, host, () => {
  const address = server.address();
  const chosen = typeof address === 'object' && address !== null ? address.port : port;
  console.log(`pocketsphinx listens on http://${host}:${chosen}`);
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => server.close());
