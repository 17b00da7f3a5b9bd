import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, vi } from 'vitest';
import {
  createSimulator,
  drawPicture,
  type Simulator,
  type SimulatorOptions,
} from '../../simulator/index.ts';
import {
  type Artifacts,
  createArtifacts,
  createLocalStorage,
  type Storage,
} from '../../src/artifacts/index.ts';
import { type KindName, kindNames } from '../../src/kinds/index.ts';
import { type ProtocolName, protocolOf } from '../../src/nodes/protocols/index.ts';
import type { Submission } from '../../src/tasks/index.ts';
import { createUrlGuard } from '../../src/urls/index.ts';
import { createWorker, type Worker, type WorkerOptions } from '../../src/worker/index.ts';
import { testLog } from '../support/log.ts';
import { openYard, type Process, submission, type Yard, type YardOptions } from '../support/yard.ts';

export interface WorkersYard extends Yard {
  readonly userId: string;
  readonly artifacts: Artifacts;
  /** Where artifacts are stored. */
  readonly folder: string;
  /** Started, and drained at the end of the test. */
  worker(process?: Process, options?: Partial<WorkerOptions>): Promise<Worker>;
  /** A simulated node, registered as `options` say, and healthy. */
  simulate(
    options?: Partial<SimulatorOptions> & { nodeSlots?: number; model?: string },
  ): Promise<Simulator & { nodeId: string }>;
  submit(changes?: Partial<Submission>): Promise<string>;
  /** A task for nodes that transcribe: two seconds of silence. */
  submitSpeech(changes?: Partial<Submission>): Promise<string>;
  /** A task for nodes that make 3-D models. */
  submitModel(changes?: Partial<Submission>): Promise<string>;
  /** Waits until the task is as expected. */
  until(taskId: string, expected: object, timeout?: number): Promise<void>;
  attempts(taskId: string): Promise<object[]>;
  busySlots(): Promise<number>;
  /** Waits until no slot is taken. */
  untilFree(): Promise<void>;
}

const models: Readonly<Partial<Record<KindName, string>>> = { TEXT_TO_IMAGE: 'fox', SPEECH_TO_TEXT: 'ear' };

/** All that the protocol does, each with the one model that these tests ask for unless told otherwise. */
function offersOf(protocol: ProtocolName, model?: string): { kind: KindName; models: string[] }[] {
  const { run } = protocolOf(protocol);
  return kindNames
    .filter((kind) => run[kind] !== undefined)
    .map((kind) => ({ kind, models: [model ?? models[kind] ?? 'thing'] }));
}

/** Workers with everything below them, on a database and a folder of their own. */
export async function openWorkers(
  options: YardOptions & { readonly allowHosts?: string[]; readonly storage?: Storage } = {},
): Promise<WorkersYard> {
  const yard = await openYard(options);
  const { database, carrier } = yard;
  const folder = await mkdtemp(path.join(tmpdir(), 'switchyard-worker-'));
  const guard = createUrlGuard({ allowHosts: options.allowHosts ?? [] });
  const artifacts = createArtifacts({
    guard,
    database,
    storage: options.storage ?? createLocalStorage(folder),
    signingKey: new Uint8Array(32),
    publicUrl: 'http://127.0.0.1',
    maxBytes: 1_000_000,
    log: testLog,
  });
  const workers: Worker[] = [];
  const simulators: Simulator[] = [];
  const userId = await yard.addUser();
  async function submit(changes: Partial<Submission> = {}): Promise<string> {
    return (await yard.tasks.submit(submission(userId, changes), 'VIP')).taskId;
  }

  const busySlots = () => database.prisma.slot.count({ where: { taskId: { not: null } } });

  /** In tests that run at the same time, too. */
  async function until(check: () => Promise<void>, timeout = 15_000): Promise<void> {
    await vi.waitFor(check, { timeout, interval: 20 });
  }

  return {
    ...yard,
    userId,
    artifacts,
    folder,
    async worker(process = yard, { concurrency = 100, ...rest } = {}) {
      const worker = createWorker({ ...process, database, artifacts, concurrency, log: testLog, ...rest });
      workers.push(worker);
      await worker.start();
      return worker;
    },
    async simulate({ protocol = 'OPENAI', nodeSlots = 1, model, ...settings } = {}) {
      const simulator = await createSimulator({ protocol, slots: nodeSlots, ...settings });
      simulators.push(simulator);
      const { id } = await yard.nodes.register({
        name: `node-${simulators.length}`,
        url: simulator.url,
        protocol,
        slots: nodeSlots,
        offers: offersOf(protocol, model),
        token: settings.token,
      });
      await database.prisma.gpuNode.update({ where: { id }, data: { healthy: true } });
      carrier.announce({ type: 'slots' });
      return Object.assign(simulator, { nodeId: id });
    },
    submit,
    async submitSpeech(changes = {}) {
      const pcm = { sampleRate: 16_000, channels: 1 };
      const { id } = await artifacts.savePcm({ userId, bytes: new Uint8Array(64_000), ...pcm });
      const input = { audio: { artifactId: id, pcm }, timestamps: false };
      return submit({ kind: 'SPEECH_TO_TEXT', model: 'ear', input, artifactIds: [id], ...changes });
    },
    async submitModel(changes = {}) {
      const bytes = await drawPicture({ prompt: 'a clay pot', seed: 3, width: 64, height: 64 });
      const { id } = await artifacts.save({ userId, bytes });
      const input = { image: { artifactId: id }, format: 'GLB' };
      return submit({ kind: 'IMAGE_TO_3D', model: 'thing', input, artifactIds: [id], ...changes });
    },
    until: (taskId, expected, timeout) =>
      until(async () => expect(await yard.task(taskId)).toMatchObject(expected), timeout),
    attempts: (taskId) =>
      database.prisma.taskAttempt.findMany({ where: { taskId }, orderBy: { number: 'asc' } }),
    busySlots,
    untilFree: () => until(async () => expect(await busySlots()).toBe(0)),
    async [Symbol.asyncDispose]() {
      await Promise.all(workers.map((worker) => worker.drain(0)));
      await Promise.all(simulators.map((simulator) => simulator.close()));
      await guard.close();
      await yard[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
