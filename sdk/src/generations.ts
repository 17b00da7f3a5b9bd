import { aborting, type CallOptions, type Dependencies, readPages, type WatchOptions } from './calls.ts';
import { unwrap } from './errors.ts';
import {
  CancelGenerationDocument,
  CreateGenerationDocument,
  type CreateGenerationInput,
  DeleteGenerationDocument,
  type GenerationEventFragment,
  type GenerationFragment,
  type GenerationStatus,
  GetGenerationDocument,
  ListGenerationsDocument,
  SelectImageDocument,
  WatchGenerationEventsDocument,
} from './generated/operations.ts';
import { backOff, withRetries } from './retry.ts';

export type Generation = GenerationFragment;
export type GenerationEvent = GenerationEventFragment;

export interface ListGenerationsOptions extends CallOptions {
  /** Fetched at a time; 1 to 100. */
  readonly pageSize?: number;
}

export interface Generations {
  /** Begins a generation and answers when it is durable. Sent once: after a lost answer, look at `generations`. */
  createGeneration(input: CreateGenerationInput, options?: CallOptions): Promise<Generation>;
  /** Null where there is no such generation, or it is not the caller's. */
  generation(id: string, options?: CallOptions): Promise<Generation | null>;
  /** The caller's own, page by page as they are read; newest first. */
  generations(options?: ListGenerationsOptions): AsyncGenerator<Generation, void, undefined>;
  /**
   * The log of a generation, in order, without a gap or a repeat over reconnects, and the progress of its model in
   * between, until it has ended (look at its `status`) or is deleted.
   */
  generationEvents(id: string, options?: WatchOptions): AsyncGenerator<GenerationEvent, void, undefined>;
  /** Has the model of an image made, once every image has ended, or after a model has failed. */
  selectImage(id: string, index: number, options?: CallOptions): Promise<Generation>;
  cancelGeneration(id: string, options?: CallOptions): Promise<Generation>;
  /** Deletes a generation of which nothing is under way, with its tasks and files. */
  deleteGeneration(id: string, options?: CallOptions): Promise<void>;
}

const finalStatuses: ReadonlySet<GenerationStatus> = new Set([
  'IMAGE_FAILED',
  'MODEL_FAILED',
  'COMPLETED',
  'FAILED',
  'CANCELED',
]);

/** Whether nothing more happens to it, unless somebody retries a task or selects again. */
export function isGenerationFinal(generation: { readonly status: GenerationStatus }): boolean {
  return finalStatuses.has(generation.status);
}

export function createGenerations({ send, socket, retries }: Dependencies): Generations {
  async function generation(id: string, { signal }: CallOptions = {}): Promise<Generation | null> {
    const attempt = () => send(GetGenerationDocument, { id }, signal);
    return (await withRetries(attempt, { retries, signal })).generation;
  }

  /** Whether a stream ended before its generation did, as when a server shuts down. */
  async function goesOn(id: string, version: number, signal: AbortSignal | undefined): Promise<boolean> {
    const now = await generation(id, aborting(signal));
    if (now === null || (isGenerationFinal(now) && now.version <= version)) return false;
    await backOff(0, null, signal);
    return true;
  }

  async function* generationEvents(
    id: string,
    { after = 0, signal }: WatchOptions = {},
  ): AsyncGenerator<GenerationEvent, void> {
    let last = after;
    const variables = () => ({ id, after: last });
    do {
      const stream = socket.stream(WatchGenerationEventsDocument, variables, { signal });
      for await (const { generationEvents: event } of stream) {
        if (event.__typename !== 'ModelProgress' && event.version <= last) continue;
        last = event.version;
        yield event;
      }
    } while (await goesOn(id, last, signal));
  }

  function generations({
    pageSize: first = 50,
    signal,
  }: ListGenerationsOptions = {}): AsyncGenerator<Generation, void> {
    const fetchPage = async (after: string | null) =>
      (await send(ListGenerationsDocument, { first, after }, signal)).generations;
    return readPages(fetchPage, { retries, signal });
  }

  return {
    generation,
    generations,
    generationEvents,
    createGeneration: async (input, { signal } = {}) =>
      unwrap((await send(CreateGenerationDocument, { input }, signal)).createGeneration),
    selectImage: async (generationId, index, { signal } = {}) =>
      unwrap((await send(SelectImageDocument, { input: { generationId, index } }, signal)).selectImage),
    // Cancelling a canceled generation answers the same again.
    async cancelGeneration(id, { signal } = {}) {
      const attempt = async () =>
        unwrap((await send(CancelGenerationDocument, { id }, signal)).cancelGeneration);
      return withRetries(attempt, { retries, signal });
    },
    async deleteGeneration(id, { signal } = {}) {
      unwrap((await send(DeleteGenerationDocument, { id }, signal)).deleteGeneration);
    },
  };
}
