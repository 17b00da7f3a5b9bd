/**
 * Registers the inference server on this machine with a Switchyard, and takes it out again when it is told to
 * stop: `node agent.ts`, on Node.js 24, with these variables.
 *
 * SWITCHYARD_URL     http://switchyard:4000
 * NODE_TOKEN         the secret that the mutation createNodeToken answered
 * NODE               what the node is, as JSON: {"name":"gpu-7","url":"http://10.0.0.7:8000","protocol":"OPENAI",
 *                    "slots":1,"offers":[{"kind":"TEXT_TO_IMAGE","models":["qwen-image"]}]}
 * HEARTBEAT_SECONDS  10; a third of the server's NODE_LEASE_MS
 * LEAVE_SECONDS      600; how long what runs may take once it is told to stop
 */
import { setTimeout as sleep } from 'node:timers/promises';

const { SWITCHYARD_URL = 'http://127.0.0.1:4000', NODE_TOKEN, NODE } = process.env;
const { HEARTBEAT_SECONDS = '10', LEAVE_SECONDS = '600' } = process.env;
if (!NODE_TOKEN || !NODE) throw new Error('NODE_TOKEN and NODE must be set');
const node: unknown = JSON.parse(NODE);

const query = `mutation ($input: NodeHeartbeatInput!) {
  nodeHeartbeat(input: $input) { ... on GpuNode { status } ... on Error { message } }
}`;

interface Answer {
  readonly data?: { readonly nodeHeartbeat: { readonly status?: string; readonly message?: string } };
  readonly errors?: readonly { readonly message: string }[];
}

/** @returns the node's status, or why the server refuses it */
async function beat(leaving: boolean): Promise<string | undefined> {
  const response = await fetch(`${SWITCHYARD_URL}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${NODE_TOKEN}` },
    body: JSON.stringify({ query, variables: { input: { ...Object(node), leaving } } }),
    signal: AbortSignal.timeout(5_000),
  });
  const { data, errors } = (await response.json()) as Answer;
  return data?.nodeHeartbeat.status ?? data?.nodeHeartbeat.message ?? errors?.[0]?.message;
}

/** Sends heartbeats until the signal aborts, or until the node is removed; a lease bears two that are missed. */
async function live(leaving: boolean, seconds: number, signal?: AbortSignal): Promise<void> {
  let last: string | undefined;
  while (!signal?.aborted && last !== 'REMOVED') {
    const status = await beat(leaving).catch(String);
    if (status !== last) console.log(status);
    last = status;
    await sleep(seconds * 1_000, undefined, signal ? { signal } : {}).catch(() => undefined);
  }
}

const stopping = new AbortController();
for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stopping.abort());
while (!stopping.signal.aborted) await live(false, Number(HEARTBEAT_SECONDS), stopping.signal);
await live(true, 1, AbortSignal.timeout(Number(LEAVE_SECONDS) * 1_000));
