import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createSimulator, type Simulator } from '../../simulator/index.ts';
import { adminKey, startTestApp, type TestApp } from '../support/app.ts';
import { post } from '../support/graphql.ts';

vi.setConfig({ testTimeout: 60_000 });

/** So long that no node is lost by chance. */
const LEASE_MS = 500_000;

let app: TestApp;
let token: string;

beforeAll(async () => {
  app = await startTestApp({ NODE_LEASE_MS: String(LEASE_MS), TIERS: '{"VIP":{"perSecond":null}}' });
  token = await newToken('agents');
});

afterAll(() => app?.[Symbol.asyncDispose]());

async function newToken(name: string, expiresAt?: string): Promise<string> {
  const mutation = `mutation ($input: CreateNodeTokenInput!) { createNodeToken(input: $input) {
    ... on CreateNodeTokenPayload { secret expiresAt } ... on Error { message } } }`;
  const { createNodeToken } = await post<{ createNodeToken: { secret: string } }>(
    app.url,
    adminKey,
    mutation,
    {
      input: { name, expiresAt },
    },
  );
  return createNodeToken.secret;
}

interface Told {
  readonly __typename: 'GpuNode' | 'InvalidInputError';
  readonly id: string;
  readonly status: string;
  readonly loadedModels: readonly string[] | null;
  readonly issues: readonly { readonly path: string; readonly message: string }[];
}

function nodeOf(name: string, { url, protocol }: Pick<Simulator, 'url' | 'protocol'>, model = name) {
  return { name, url, protocol, slots: 1, offers: [{ kind: 'TEXT_TO_IMAGE', models: [model] }] };
}

async function beat(input: object, bearer = token): Promise<Told> {
  const mutation = `mutation ($input: NodeHeartbeatInput!) { nodeHeartbeat(input: $input) { __typename
    ... on GpuNode { id status loadedModels } ... on InvalidInputError { issues { path message } } } }`;
  return (await post<{ nodeHeartbeat: Told }>(app.url, bearer, mutation, { input })).nodeHeartbeat;
}

/** As when no heartbeat has come for as long as a node may be silent. */
const fallSilent = (name: string) =>
  app.services.database.pool.query(
    "UPDATE gpu_node SET lease_until = now() - interval '1 ms' WHERE name = $1",
    [name],
  );

async function submit(model: string): Promise<string> {
  const mutation = `mutation ($input: SubmitTaskInput!) { submitTask(input: $input) { ... on Task { id } } }`;
  const input = { task: { textToImage: { prompt: 'a fox', model } } };
  return (await post<{ submitTask: { id: string } }>(app.url, adminKey, mutation, { input })).submitTask.id;
}

interface TaskState {
  readonly status: string;
  readonly attempts: readonly { readonly outcome: string; readonly gpuNode: { readonly name: string } }[];
}

const stateOf = (id: string) => async (): Promise<TaskState> => {
  const query = `query ($id: ID!) { task(id: $id) { status attempts { outcome gpuNode { name } } } }`;
  return (await post<{ task: TaskState }>(app.url, adminKey, query, { id })).task;
};

const nodeNamed = (name: string) => () =>
  app.services.database.prisma.gpuNode.findUnique({ where: { name } });

const soon = { timeout: 30_000, interval: 50 };

describe('a node that registers itself', () => {
  test('joins, works, and leaves when nothing runs there any more', async () => {
    await using simulator = await createSimulator({ protocol: 'OPENAI', slots: 0 });
    const node = nodeOf('comes-and-goes', simulator);
    const joined = await beat({ ...node, loadedModels: ['comes-and-goes', 'of-no-offer'] });
    expect(joined).toMatchObject({
      __typename: 'GpuNode',
      status: 'UNHEALTHY',
      loadedModels: ['comes-and-goes'],
    });
    const lease = 'SELECT extract(epoch FROM lease_until - now())::float8 AS s FROM gpu_node WHERE name = $1';
    const { rows } = await app.services.database.pool.query<{ s: number }>(lease, [node.name]);
    expect(rows[0]?.s).toBeGreaterThan(LEASE_MS / 1_000 - 60);
    expect(rows[0]?.s).toBeLessThanOrEqual(LEASE_MS / 1_000);
    const id = await submit('comes-and-goes');
    await simulator.received(1);
    expect(await beat({ ...node, leaving: true })).toMatchObject({ id: joined.id, status: 'DRAINING' });
    expect(await stateOf(id)()).toMatchObject({ status: 'RUNNING' });
    simulator.set({ slots: 1 });
    await expect.poll(stateOf(id), soon).toMatchObject({ status: 'SUCCEEDED' });
    await expect.poll(nodeNamed(node.name), soon).toMatchObject({ state: 'REMOVED' });
    expect(await beat({ ...node, leaving: true })).toMatchObject({ status: 'REMOVED' });
    expect(await beat(node)).toMatchObject({ id: joined.id, status: 'UNHEALTHY' });
  });

  test('is removed when it is not heard of, and its tasks run elsewhere; a later heartbeat brings it back', async () => {
    await using silent = await createSimulator({ protocol: 'QWEN_IMAGE_GGUF', latencyMs: 60_000 });
    await using other = await createSimulator({ protocol: 'QWEN_IMAGE_GGUF' });
    const node = nodeOf('falls-silent', silent, 'shared');
    const { id: nodeId } = await beat(node);
    const id = await submit('shared');
    await silent.received(1);
    await app.services.nodes.register(nodeOf('stays', other, 'shared'));
    await fallSilent('falls-silent');
    await expect.poll(stateOf(id), soon).toMatchObject({
      status: 'SUCCEEDED',
      attempts: [
        { outcome: 'NODE_LOST', gpuNode: { name: 'falls-silent' } },
        { outcome: 'SUCCEEDED', gpuNode: { name: 'stays' } },
      ],
    });
    expect(await nodeNamed('falls-silent')()).toMatchObject({ state: 'REMOVED' });
    expect(await beat(node)).toMatchObject({ id: nodeId, status: 'UNHEALTHY' });
    await expect.poll(nodeNamed('falls-silent'), soon).toMatchObject({ state: 'ACTIVE', healthy: true });
  });

  test('can say nothing of nodes that it did not register, nor be where no node may be', async () => {
    const at = (url: string) => ({ url, protocol: 'OPENAI' as const });
    await app.services.nodes.register(nodeOf('of-an-operator', at('http://127.0.0.1:9')));
    const mine = nodeOf('mine', at('http://127.0.0.1:9'));
    expect(await beat(mine)).toMatchObject({ __typename: 'GpuNode' });
    const another = await newToken('other agents');
    const pathsOf = async (input: object, bearer?: string) =>
      (await beat(input, bearer)).issues?.map(({ path }) => path);
    expect(await pathsOf(nodeOf('of-an-operator', at('http://127.0.0.1:9')))).toEqual(['name']);
    expect(await pathsOf(mine, another)).toEqual(['name']);
    expect(await pathsOf({ ...mine, leaving: true }, another)).toEqual(['name']);
    expect(await pathsOf({ ...mine, url: 'http://169.254.169.254/latest' })).toEqual(['url']);
    expect(await pathsOf({ ...mine, slots: 0 })).toEqual(['slots']);
    expect(await pathsOf({ ...mine, name: 'unknown', leaving: true })).toEqual(['leaving']);
  });

  test('that an operator removed stays removed until it says something else of itself', async () => {
    const node = nodeOf('taken-out', { url: 'http://127.0.0.1:9', protocol: 'OPENAI' });
    const { id } = await beat(node);
    const remove = `mutation ($id: ID!) { removeNode(id: $id) { __typename } }`;
    await post(app.url, adminKey, remove, { id });
    expect(await beat(node)).toMatchObject({ issues: [{ path: 'name' }] });
    expect(await beat({ ...node, slots: 2 })).toMatchObject({ id, __typename: 'GpuNode' });
  });

  test('is refused with a token that was replaced or has expired', async () => {
    const node = nodeOf('late', { url: 'http://127.0.0.1:9', protocol: 'OPENAI' });
    const first = await newToken('rotated');
    const second = await newToken('rotated', '2999-01-01T00:00:00Z');
    await expect(beat(node, first)).rejects.toThrow('UNAUTHENTICATED');
    expect(await beat(node, second)).toMatchObject({ __typename: 'GpuNode' });
    await app.services.database.pool.query(
      `UPDATE node_token SET expires_at = now() - interval '1 ms' WHERE name = 'rotated'`,
    );
    await expect(beat(node, second)).rejects.toThrow('UNAUTHENTICATED');
    await expect(newToken('past', '2000-01-01T00:00:00Z')).resolves.toBeUndefined();
  });

  test('can do so by the agent of the examples', async () => {
    await using simulator = await createSimulator({ protocol: 'OPENAI' });
    const agent: ChildProcess = spawn(process.execPath, ['examples/node-agent/agent.ts'], {
      env: {
        SWITCHYARD_URL: app.url,
        NODE_TOKEN: token,
        NODE: JSON.stringify(nodeOf('with-agent', simulator)),
        HEARTBEAT_SECONDS: '0.5',
      },
      stdio: 'ignore',
    });
    const exited = once(agent, 'exit');
    await expect.poll(nodeNamed('with-agent'), soon).toMatchObject({ healthy: true });
    const id = await submit('with-agent');
    await expect.poll(stateOf(id), soon).toMatchObject({ status: 'SUCCEEDED' });
    agent.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(await nodeNamed('with-agent')()).toMatchObject({ state: 'REMOVED' });
  });
});
