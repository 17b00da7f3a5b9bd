import { type Artifacts, MediaUnavailableError } from '../artifacts/index.ts';
import { type KindInput, type KindName, kindOf, type Media } from '../kinds/index.ts';
import type { ConnectedNode, MadeByKind, MadeFile, RemoteJob } from '../nodes/index.ts';
import type { Claimed, Tasks } from '../tasks/index.ts';
import { readInput } from './parents.ts';
import type { LocalWork } from './types.ts';

/** What a call tells while it is under way. */
export interface CallHooks {
  progress(value: number | null, message?: string): void;
  write(piece: string): void;
  preview(picture: MadeFile): void;
}

/** A call with all that it takes, ready to be sent. */
export interface PreparedCall {
  /** Sends it. @throws NodeFault; MediaUnavailableError where it takes up a job; the signal's reason */
  send(hooks: CallHooks): Promise<MadeByKind[KindName]>;
}

export interface PrepareOptions {
  readonly claimed: Claimed;
  readonly node: ConnectedNode;
  readonly artifacts: Pick<Artifacts, 'media' | 'find'>;
  readonly tasks: Pick<Tasks, 'resultsOf'>;
  readonly localWork?: LocalWork | undefined;
  /** The job that the call sends, or takes up. */
  readonly remote: RemoteJob;
  readonly signal: AbortSignal;
}

/** What nodes that take a client's id know an attempt by. */
export function attemptId(taskId: string, attempt: number): string {
  return `${taskId}-${attempt}`;
}

interface LoadedInput {
  readonly input: unknown;
  /** @throws MediaUnavailableError */
  media(): readonly Media[];
}

function send<K extends KindName>(
  kind: K,
  { claimed, node, localWork, remote, signal }: PrepareOptions,
  { input, media, ...hooks }: CallHooks & LoadedInput,
): Promise<MadeByKind[K]> {
  if (kindOf(kind).isBuiltIn) {
    const work = localWork?.[kind];
    if (!work) throw new Error(`this worker does no ${kind}`);
    return work({ claimed, input: input as KindInput<K>, media: media(), signal, progress: hooks.progress });
  }
  const run = node.protocol.run[kind];
  if (!run) throw new Error(`${node.protocol.name} does no ${kind}`);
  const { taskId, attempt } = claimed.lease;
  return run({
    node: node.client,
    model: claimed.model,
    // What the kind's own schema answered.
    input: input as KindInput<K>,
    get media() {
      return media();
    },
    workflow: node.workflows.find(kind, claimed.model),
    attemptId: attemptId(taskId, attempt),
    remote,
    signal,
    ...hooks,
  });
}

/**
 * Checks the task's input once more, with what other tasks made for it, and loads its files; nothing reaches the
 * node yet. A call that takes up the job of an earlier attempt need not have them: it is told that they are gone
 * only if it asks for them.
 * @throws MediaUnavailableError; the signal's reason
 */
export async function prepareCall(options: PrepareOptions): Promise<PreparedCall> {
  const { claimed, remote, artifacts, signal } = options;
  const { input, media: references } = await readInput(options);
  const loading = references.map((reference) =>
    artifacts.media(reference, { userId: claimed.userId, signal }),
  );
  const loaded = await Promise.all(loading).catch((error: unknown) => {
    if (error instanceof MediaUnavailableError && remote.handle !== null) return error;
    throw error;
  });
  const media = (): readonly Media[] => {
    if (loaded instanceof MediaUnavailableError) throw loaded;
    return loaded;
  };
  return { send: (hooks) => send(claimed.kind, options, { input, media, ...hooks }) };
}
