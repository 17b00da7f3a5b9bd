import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import type { DocumentOutput } from '../kinds/index.ts';
import type { Log } from '../log.ts';
import type { LocalJob } from '../worker/index.ts';
import type { Chunk, Chunks, Edition } from './chunks.ts';
import type { Converter } from './convert/converter.ts';
import type { Documents, OpenDocument } from './documents.ts';
import { faultOf, UnlikeVectorsError } from './faults.ts';
import type { Parts } from './parts.ts';

export interface ProcessOptions {
  readonly converter: Converter;
  readonly documents: Documents;
  readonly chunks: Chunks;
  readonly parts: Parts;
  /** After documents were replaced: what is left of them. */
  readonly replaced: (ids: readonly string[]) => Promise<void>;
  readonly log: Log;
}

/** Of one EMBEDDING task: what a node takes in some seconds. */
const PART_CHUNKS = 64;
const PART_CHARACTERS = 200_000;
/** Tasks of one document that wait or run at once. */
const MAX_PARTS = 16;

/** Where in a task's progress a stage begins. */
const share = { validating: 0, converting: 0.02, chunking: 0.25, embedding: 0.3, indexing: 0.98 } as const;

const between = (from: number, to: number, part: number): number => from + (to - from) * part;

const line = z.tuple([z.int(), z.int(), z.string()]);

/** The chunks of a file, as many at a time as one task embeds. */
async function* partsIn(file: string): AsyncGenerator<Chunk[]> {
  let part: Chunk[] = [];
  let characters = 0;
  let ordinal = 0;
  for await (const json of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    const [start, end, text] = line.parse(JSON.parse(json));
    if (part.length === PART_CHUNKS || (part.length > 0 && characters + text.length > PART_CHARACTERS)) {
      yield part;
      part = [];
      characters = 0;
    }
    part.push({ ordinal: ordinal++, start, end, text });
    characters += text.length;
  }
  if (part.length > 0) yield part;
}

/** Does `work` for each item, so many at once; the first failure ends the others. */
async function forEach<T>(
  items: AsyncIterable<T>,
  { atOnce, signal }: { readonly atOnce: number; readonly signal: AbortSignal },
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];
  for await (const item of items) {
    while (running.size >= atOnce) await Promise.race(running);
    if (either.aborted) break;
    const one = work(item, either)
      .catch((error: unknown) => {
        failures.push(error);
        over.abort(error);
      })
      .finally(() => running.delete(one));
    running.add(one);
  }
  await Promise.all(running);
  signal.throwIfAborted();
  if (failures.length > 0) throw failures[0];
}

class Processing {
  readonly #job: LocalJob<'DOCUMENT'>;
  readonly #options: ProcessOptions;
  readonly #document: OpenDocument & { readonly id: string };
  readonly #edition: Edition;

  constructor(job: LocalJob<'DOCUMENT'>, document: OpenDocument, options: ProcessOptions) {
    const { taskId, attempt } = job.claimed.lease;
    this.#job = job;
    this.#options = options;
    this.#document = { ...document, id: taskId };
    this.#edition = { documentId: taskId, edition: attempt, knowledgeBaseId: document.knowledgeBaseId };
  }

  async run(file: string): Promise<void> {
    const chunkCount = await this.#convert(file);
    const dimensions = await this.#embed(file, chunkCount);
    this.#job.signal.throwIfAborted();
    this.#job.progress(share.indexing, 'indexing');
    const { documents, chunks, replaced } = this.#options;
    const gone = await documents.publish(this.#edition, { chunkCount, dimensions });
    await replaced(gone);
    await chunks.remove(this.#document.id, this.#edition.edition);
  }

  async #convert(target: string): Promise<number> {
    const { input, media, signal, progress } = this.#job;
    const { documents, converter } = this.#options;
    const { id, name } = this.#document;
    const [file] = media;
    if (!file) throw new Error('a document without its file');
    progress(share.validating, 'validating');
    await documents.enter(id, 'VALIDATING');
    // Written one after the other, while the file is read.
    let entered: Promise<void> = Promise.resolve();
    const { chunks } = await converter.convert({
      ...{ file: await file.blob(), name, claimedType: file.mimeType, target, signal },
      ...{ size: input.chunkSize, overlap: input.chunkOverlap },
      report: (report) => {
        if (report.type === 'validated') {
          progress(share.converting, 'converting');
          entered = entered.then(() => documents.enter(id, 'CONVERTING', report));
        } else if (report.type === 'progress') {
          progress(between(share.converting, share.chunking, report.share), 'converting');
        } else {
          progress(share.chunking, 'chunking');
          entered = entered.then(() => documents.enter(id, 'CHUNKING'));
        }
        entered.catch(() => undefined);
      },
    });
    await entered;
    await documents.enter(id, 'EMBEDDING', { chunkCount: chunks });
    return chunks;
  }

  async #embed(file: string, total: number): Promise<number> {
    const { signal, progress } = this.#job;
    const { parts, chunks } = this.#options;
    let done = 0;
    let { dimensions } = this.#document;
    const tell = (): void =>
      progress(
        between(share.embedding, share.indexing, done / total),
        `embedding: ${done} of ${total} chunks`,
      );
    tell();
    await forEach(partsIn(file), { atOnce: MAX_PARTS, signal }, async (part, over) => {
      const texts = part.map(({ text }) => text);
      const { vectors, nodeId } = await parts.embed(this.#document, texts, over);
      for (const { length } of vectors) {
        dimensions ??= length;
        if (length !== dimensions)
          throw new UnlikeVectorsError(length, dimensions, await parts.nodeName(nodeId));
      }
      await chunks.store(this.#edition, part, vectors);
      done += part.length;
      tell();
    });
    if (dimensions === null) throw new Error('a document was embedded without a vector');
    return dimensions;
  }
}

/**
 * What a worker does for a DOCUMENT task: validate, convert, chunk, embed, store and index. An attempt that comes
 * after a lost one finds the vectors that are there already.
 */
export function createDocumentWork(options: ProcessOptions) {
  return async (job: LocalJob<'DOCUMENT'>): Promise<DocumentOutput> => {
    const documentId = job.claimed.lease.taskId;
    const folder = await mkdtemp(path.join(tmpdir(), 'switchyard-document-'));
    try {
      const document = await options.documents.open(documentId);
      if (document.edition === null) {
        await new Processing(job, document, options).run(path.join(folder, 'chunks'));
      }
      return { documentId };
    } catch (error) {
      job.signal.throwIfAborted();
      // An attempt to come, which finds the node mended, must not find these.
      if (error instanceof UnlikeVectorsError) await options.parts.discard(documentId);
      throw faultOf(error);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };
}
