import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSimulator, type SimulatedCall, type Simulator } from '../simulator/index.ts';
import { post } from '../test/support/graphql.ts';
import { startServer } from '../test/support/process.ts';
import { scratchFolder } from './support.ts';

const MODEL = 'qwen-image';

/**
 * A server in a process of its own, and simulated nodes of one slot that take a given time for each task, and
 * more for its work where they have a speed.
 */
export interface Site extends AsyncDisposable {
  readonly url: string;
  readonly adminToken: string;
  /** Registers it; it may take a moment to be found healthy. */
  addNode(taskMs: number, speed?: number): Promise<Simulator>;
  /** Resolves when so many nodes take tasks. */
  healthy(count: number): Promise<void>;
  /** Registers a user, and answers his token. */
  addUser(name: string): Promise<string>;
  /** Queues a task. */
  submit(token: string, prompt: string, steps?: number): Promise<void>;
  submitMany(token: string, prompt: string, count: number): Promise<void>;
}

const REGISTER_NODE = `mutation ($input: RegisterNodeInput!) { registerNode(input: $input) {
  ... on GpuNode { id } ... on Error { message } } }`;
const REGISTER_USER = `mutation ($input: RegisterInput!) { register(input: $input) {
  ... on AuthPayload { accessToken } ... on Error { message } } }`;
const SUBMIT = `mutation ($prompt: String!, $steps: Int) {
  submitTask(input: { task: { textToImage: { prompt: $prompt, width: 16, height: 16, steps: $steps } } }) {
    ... on Task { id } ... on Error { message } } }`;

/** Submissions under way at once. */
const AT_ONCE = 20;

export async function openSite(): Promise<Site> {
  const folder = await scratchFolder();
  const dataDir = path.join(folder.path, 'data');
  const { url, ...server } = await startServer({
    DATA_DIR: dataDir,
    TIERS: '{"FREE":{"perSecond":null}}',
    DEFAULT_MODELS: `{"TEXT_TO_IMAGE":"${MODEL}"}`,
  });
  const adminToken = (await readFile(path.join(dataDir, 'admin-key'), 'utf8')).trim();
  const simulators: Simulator[] = [];

  async function submit(token: string, prompt: string, steps?: number): Promise<void> {
    const { submitTask } = await post<{ submitTask: { id?: string; message?: string } }>(url, token, SUBMIT, {
      prompt,
      steps,
    });
    if (submitTask.id === undefined) throw new Error(submitTask.message);
  }

  return {
    url,
    adminToken,
    async addNode(taskMs, speed) {
      const settings = { side: 16, latencyMs: taskMs, ...(speed === undefined ? {} : { speed }) };
      const simulator = await createSimulator({ protocol: 'QWEN_IMAGE_GGUF', ...settings });
      simulators.push(simulator);
      const offers = [{ kind: 'TEXT_TO_IMAGE', models: [MODEL] }];
      const input = {
        name: `node-${simulators.length}`,
        url: simulator.url,
        protocol: 'QWEN_IMAGE_GGUF',
        offers,
      };
      await post(url, adminToken, REGISTER_NODE, { input });
      return simulator;
    },
    async healthy(count) {
      for (;;) {
        const { gpuNodes } = await post<{ gpuNodes: { status: string }[] }>(
          ...([url, adminToken, '{ gpuNodes { status } }'] as const),
        );
        if (gpuNodes.filter(({ status }) => status === 'HEALTHY').length === count) return;
        await sleep(50);
      }
    },
    async addUser(username) {
      const input = { username, password: 'a long enough password' };
      const { register } = await post<{ register: { accessToken?: string; message?: string } }>(
        ...([url, null, REGISTER_USER, { input }] as const),
      );
      if (register.accessToken === undefined) throw new Error(register.message);
      return register.accessToken;
    },
    submit,
    async submitMany(token, prompt, count) {
      let left = count;
      const submitter = async () => {
        while (left-- > 0) await submit(token, prompt);
      };
      await Promise.all(Array.from({ length: AT_ONCE }, submitter));
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await Promise.all(simulators.map((simulator) => simulator.close()));
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Waits for the first call for that prompt, on whichever node. */
export async function started(simulators: readonly Simulator[], prompt: string): Promise<SimulatedCall> {
  const found = (): SimulatedCall | undefined =>
    simulators.flatMap(({ history }) => [...history]).find(({ input }) => input.prompt === prompt);
  for (;;) {
    const call = found();
    if (call) return call;
    await Promise.race(simulators.map(({ history, received }) => received(history.length + 1)));
  }
}
