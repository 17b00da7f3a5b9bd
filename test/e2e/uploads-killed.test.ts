import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import path from 'node:path';
import { expect, test, vi } from 'vitest';
import { createSimulator, speak } from '../../simulator/index.ts';
import { openTestDatabase } from '../support/database.ts';
import { makeFolder } from '../support/folder.ts';
import { freePort } from '../support/free-port.ts';
import { post } from '../support/graphql.ts';
import { expectInvariants } from '../support/invariants.ts';
import { startServer } from '../support/process.ts';

const CREATE = `mutation ($input: CreateUploadInput!) {
  it: createUpload(input: $input) { ... on Upload { artifactId url headers } ... on Error { message } }
}`;
const SUBMIT = `mutation ($id: ID!) {
  it: submitTask(input: { task: { speechToText: { audio: { artifactId: $id } } }, waitMs: 50000 }) {
    ... on Task { status result { ... on TranscriptResult { text } } }
    ... on InvalidInputError { issues { path message } }
  }
}`;

interface Ticket {
  readonly artifactId: string;
  readonly url: string;
  readonly headers: Record<string, string>;
}

const sound = new Uint8Array(speak('go forward ten meters'));

async function createUpload(url: string, token: string): Promise<Ticket> {
  const input = { mimeType: 'audio/wav', sizeBytes: sound.byteLength };
  return (await post<{ it: Ticket }>(url, token, CREATE, { input })).it;
}

/** Sends half of a request's body, and leaves it at that. */
async function sendHalf(head: readonly string[], url: URL, body: Uint8Array): Promise<Socket> {
  const socket = connect(Number(url.port), url.hostname);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  const length = `Content-Length: ${body.byteLength}`;
  socket.write(`${[...head, `Host: ${url.host}`, length].join('\r\n')}\r\n\r\n`);
  socket.write(body.subarray(0, body.byteLength / 2));
  return socket;
}

/** A multipart request with a large file. */
function largeForm(token: string): { head: string[]; body: Uint8Array } {
  const part = (name: string, value: string, more = '') =>
    `--x\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`;
  const query = SUBMIT.replace('$id: ID!', '$file: File!').replace('artifactId: $id', 'upload: $file');
  const operations = JSON.stringify({ query, variables: { file: null } });
  const fields = part('operations', operations) + part('map', '{"0":["variables.file"]}');
  const file = part('0', 'a'.repeat(8_000_000), '; filename="a.txt"\r\nContent-Type: text/plain');
  const head = [
    'POST /graphql HTTP/1.1',
    `Authorization: Bearer ${token}`,
    'Content-Type: multipart/form-data; boundary=x',
  ];
  return { head, body: Buffer.from(`${fields}${file}--x--\r\n`) };
}

async function filesUnder(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  return names.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
}

test('after kill -9 in the middle of uploads nothing half-written has a row, and they can be sent again', {
  timeout: 120_000,
}, async () => {
  await using simulator = await createSimulator({ protocol: 'FAST_WHISPER', slots: 2 });
  await using data = await makeFolder();
  await using database = await openTestDatabase();
  const token = 'the-admin-key-of-both-servers';
  const variables = {
    PORT: String(await freePort()),
    DATABASE_URL: database.url,
    DATA_DIR: data.path,
    JWT_SECRET: 'a secret that outlives the server, and signs its URLs',
    ADMIN_KEY: token,
    GPU_NODES: JSON.stringify([
      {
        ...{ name: 'sim', url: simulator.url, protocol: 'fast-whisper' },
        offers: [{ kind: 'SPEECH_TO_TEXT', models: ['whisper'] }],
      },
    ]),
  };
  const artifacts = path.join(data.path, 'artifacts');
  await using first = await startServer(variables);
  const [whole, half] = [await createUpload(first.url, token), await createUpload(first.url, token)];
  expect((await fetch(whole.url, { method: 'PUT', headers: whole.headers, body: sound })).status).toBe(200);
  const url = new URL(half.url);
  const put = [`PUT ${url.pathname}${url.search} HTTP/1.1`, 'Content-Type: audio/wav'];
  const form = largeForm(token);
  const sockets = [await sendHalf(put, url, sound), await sendHalf(form.head, url, form.body)];
  await vi.waitFor(async () => expect(await readdir(path.join(artifacts, 'unfinished'))).not.toEqual([]), {
    timeout: 30_000,
  });
  await first.end('SIGKILL');
  for (const socket of sockets) socket.destroy();

  await using second = await startServer(variables);
  const submit = (id: string) => post<{ it: object }>(second.url, token, SUBMIT, { id });
  expect(await submit(half.artifactId)).toMatchObject({
    it: { issues: [{ message: expect.stringMatching(/^its bytes have not arrived yet/) }] },
  });
  const done = { it: { status: 'SUCCEEDED', result: { text: 'go forward ten meters' } } };
  expect(await submit(whole.artifactId)).toEqual(done);
  const finished = (await filesUnder(artifacts)).filter((file) => !file.includes('unfinished'));
  expect(finished).toHaveLength(1);
  expect((await fetch(half.url, { method: 'PUT', headers: half.headers, body: sound })).status).toBe(200);
  expect(await submit(half.artifactId)).toEqual(done);
  await second.end('SIGTERM');
  await expectInvariants(database);
});
