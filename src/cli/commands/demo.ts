import {
  type Client,
  createClient,
  type KnowledgeBase,
  type Task,
  type TaskKind,
  type TaskSpec,
} from '../../../sdk/src/index.ts';
import { drawPicture, speak } from '../../../simulator/index.ts';
import { createApp } from '../../app.ts';
import { type Config, loadConfig } from '../../config.ts';
import { createLog } from '../../log.ts';
import { defineCommand, kebabCase } from '../command.ts';
import { askDemoBase, documentFor, openDemoBase, QUESTION } from '../demo-document.ts';
import { startDemoNodes } from '../demo-nodes.ts';
import { createProgressBoard, describe } from '../progress.ts';
import { saveResult } from '../results.ts';
import { print, type Sink, type Surroundings } from '../terminal.ts';

const OUTPUT = 'demo-output';
/** Beyond this something is wrong, and a machine that waits should know. */
const TASKS_END_WITHIN_MS = 120_000;

const specs: { readonly [Kind in TaskKind]: (base: KnowledgeBase) => Promise<TaskSpec> } = {
  TEXT_TO_IMAGE: async () => ({
    textToImage: { prompt: 'a red fox in the snow, watercolour', seed: 7, steps: 20 },
  }),
  SPEECH_TO_TEXT: async () => {
    const wav = new Uint8Array(speak('Nothing that was accepted is ever lost.'));
    const upload = new File([wav], 'speech.wav', { type: 'audio/wav' });
    return { speechToText: { audio: { upload }, language: 'en', timestamps: true } };
  },
  IMAGE_TO_3D: async () => {
    const png = await drawPicture({ prompt: 'a clay pot', seed: 3, width: 256, height: 256 });
    const upload = new File([new Uint8Array(png)], 'pot.png', { type: 'image/png' });
    return { imageTo3d: { image: { upload }, texture: true, seed: 7 } };
  },
  TEXT_GENERATION: async () => ({
    textGeneration: { prompt: 'Describe a clay pot for somebody who is going to print it', maxTokens: 40 },
  }),
  EMBEDDING: async () => ({
    embedding: { texts: ['a red fox in the snow', 'foxes in snow', 'the price of bread'] },
  }),
  IMAGE_TO_IMAGE: async () => {
    const png = await drawPicture({ prompt: 'a lighthouse', seed: 5, width: 256, height: 256 });
    const upload = new File([new Uint8Array(png)], 'lighthouse.png', { type: 'image/png' });
    return { imageToImage: { image: { upload }, prompt: 'the same at night', strength: 0.5, seed: 7 } };
  },
  CUSTOM: async () => ({ custom: { type: 'word-count', payload: { text: 'the quick brown fox' } } }),
  DOCUMENT: async (base) => documentFor(base),
};

/** The server's own configuration, but on this machine alone and with the given nodes. */
function demoConfig(env: NodeJS.ProcessEnv, gpuNodes: string, once: boolean): Config {
  const { DATABASE_URL: _database, PUBLIC_URL: _url, ...rest } = env;
  // A run that ends by itself serves nobody, so that it takes any port.
  const port = once ? { PORT: env.PORT ?? '0' } : {};
  return loadConfig({ LOG_LEVEL: 'warn', ...rest, ...port, GPU_NODES: gpuNodes });
}

/** One task of each kind that the nodes offer, all at once; documents are offered by the server itself. */
async function runTasks(
  client: Client,
  base: KnowledgeBase,
  { stdout, signal }: Surroundings,
): Promise<Task[]> {
  using board = createProgressBoard(stdout);
  const offered = (await client.models({ signal })).map(({ kind }) => kind);
  const kinds = new Set<TaskKind>([...offered, 'DOCUMENT']);
  return await Promise.all(
    [...kinds].map(async (kind) =>
      client.submitAndWait(
        { task: await specs[kind](base), labels: { from: 'demo' } },
        { signal, onProgress: (task) => board.show(kebabCase(kind), task) },
      ),
    ),
  );
}

async function showResults(
  client: Client,
  tasks: readonly Task[],
  { stdout, signal }: Surroundings,
): Promise<void> {
  print(stdout);
  for (const task of tasks) {
    const name = kebabCase(task.kind);
    if (task.status !== 'SUCCEEDED') print(stdout, `${name} ${describe(task)}`);
    for (const file of await saveResult(client, task, { folder: OUTPUT, name, signal })) print(stdout, file);
  }
}

/** Asks the document that was put there. Answers whether it was found. */
async function showSearch(
  client: Client,
  base: KnowledgeBase,
  { stdout, signal }: Surroundings,
): Promise<boolean> {
  const hit = await askDemoBase(client, base, signal);
  print(stdout, `\n${QUESTION}`);
  print(
    stdout,
    hit === null ? 'nothing was found' : `${hit.document.name}, ${hit.score.toFixed(2)}:\n${hit.text}`,
  );
  return hit !== null;
}

function invite(stdout: Sink, url: string, token: string, base: KnowledgeBase): void {
  print(
    stdout,
    `
GraphiQL   ${url}/graphql
Headers    {"authorization": "Bearer ${token}"}
Query      mutation {
             submitTask(input: {task: {textToImage: {prompt: "a lighthouse at night"}}, waitMs: 30000}) {
               ... on Task { id status result { ... on ImageResult { images { url width height } } } }
               ... on Error { code message }
             }
           }
or         query {
             knowledgeBase(id: "${base.id}") {
               search(query: "${QUESTION}", first: 3) { score text }
             }
           }
or         mutation { createGeneration(input: {prompt: "a mill by a river"}) { ... on Generation { id } } }
           (docs/generations.md goes on from there)

Switchyard serves until Ctrl-C.`,
  );
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

export const demo = defineCommand({
  summary: 'Run everything on this machine, with simulated GPU nodes and a task of each kind',
  usage: 'demo [--once]',
  description: `Results are saved under ${OUTPUT}/. Uses the embedded database in DATA_DIR.`,
  arity: [0, 0],
  options: { once: { type: 'boolean', help: 'End when the tasks have: 0 when all succeeded, else 1' } },
  async run({ values: { once = false } }, surroundings) {
    const { env, stdout, signal } = surroundings;
    signal.addEventListener('abort', () => print(stdout, '\nstopping: what runs may end first'), {
      once: true,
    });
    await using stack = new AsyncDisposableStack();
    const nodes = stack.use(await startDemoNodes());
    const config = demoConfig(env, JSON.stringify(nodes.entries), once);
    const app = stack.adopt(await createApp(config, createLog(config.logLevel)), (it) => it.close());
    const token = app.adminKey ?? '';
    const client = stack.adopt(createClient({ url: app.url, token }), (it) => it.close());
    stack.defer(() => nodes.unregister(client));
    print(stdout, `Switchyard at ${app.url}, with ${nodes.entries.length} simulated GPU nodes\n`);

    const limit = AbortSignal.any([signal, AbortSignal.timeout(TASKS_END_WITHIN_MS)]);
    const bounded = { ...surroundings, signal: limit };
    const base = await openDemoBase(client, limit);
    const tasks = await runTasks(client, base, bounded);
    await showResults(client, tasks, surroundings);
    const isFound = await showSearch(client, base, bounded);
    if (once) return isFound && tasks.every(({ status }) => status === 'SUCCEEDED') ? 0 : 1;
    invite(stdout, app.url, token, base);
    await untilAborted(signal);
    return 0;
  },
});
