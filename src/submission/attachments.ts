import type { Artifacts } from '../artifacts/index.ts';
import type { Artifact } from '../database/index.ts';
import { InvalidInputError } from '../errors.ts';
import { decodeId, LOWEST_ID } from '../ids.ts';
import { kindOf, type MediaReference, type TaskFile } from '../kinds/index.ts';
import type { FindOwned } from './owned.ts';
import type { Relatives, TaskName } from './relatives.ts';

/** A file of a request: WHATWG's `File`, as far as it is needed. */
export interface Upload {
  readonly name: string;
  readonly type: string;
  readonly size: number;
  stream(): ReadableStream<Uint8Array>;
}

export interface FileFromTask extends TaskName {
  /** Which of its files: 0 is the first. */
  readonly index?: number | null | undefined;
}

/** Raw samples, signed 16-bit little-endian. */
export interface Samples {
  readonly data: Upload;
  readonly sampleRate: number;
  readonly channels?: number | null | undefined;
}

/** What a file must be. */
type Sort = 'image';

/** Exactly one of these is given. */
export interface MediaSource {
  readonly upload?: Upload | null | undefined;
  /** The API's id, artifact_… */
  readonly artifactId?: string | null | undefined;
  readonly url?: string | null | undefined;
  /** A file that another task makes. */
  readonly fromTask?: FileFromTask | null | undefined;
  readonly pcm?: Samples | null | undefined;
}

/** A file of a submission, ready to be named by a task's input. */
export interface Attachment {
  readonly reference: MediaReference | TaskFile;
  /** Null where it is not known. */
  readonly durationSeconds: number | null;
}

/** The files of one submission. */
export interface Attachments {
  /**
   * Stores an upload, or finds what the source names.
   * @param field where it stands in the kind's input: `audio`
   * @param sort what it must be; a file behind a URL is looked at only by the worker that fetches it
   * @throws InvalidInputError that names the field
   */
  add(field: string, source: MediaSource, sort?: Sort): Promise<Attachment>;
}

export interface AttachmentsOptions {
  readonly artifacts: Artifacts;
  readonly userId: string;
  /** Asked about files of the user's own. */
  readonly findOwned: FindOwned;
  /** Asked about the tasks whose files the input names. */
  readonly relatives: Relatives;
  /** What the fields stand under, for messages: `task.speechToText`. */
  readonly path: string;
}

/** Also tells which artifacts were named, and what makes two submissions with them the same. */
export interface CollectedAttachments extends Attachments {
  readonly artifactIds: readonly string[];
  /** Those of them that were stored for this submission. */
  readonly storedIds: readonly string[];
  /** By artifact id. */
  readonly sha256: ReadonlyMap<string, string>;
}

const refuse = (path: string, message: string): InvalidInputError =>
  new InvalidInputError([{ path, message }]);

function onlyHttp(url: string, path: string): string {
  if (!/^https?:/.test(url)) throw refuse(path, 'must begin with http: or https:');
  const { username, password } = new URL(url);
  if (username !== '' || password !== '') throw refuse(path, 'must not bear a user name or a password');
  return url;
}

function checkSort({ mimeType }: Artifact, sort: Sort | undefined, path: string): void {
  if (sort === undefined || mimeType.startsWith(`${sort}/`)) return;
  throw refuse(path, `must be a picture, not ${mimeType}`);
}

const MAX_INDEX = 1_000;

export function createAttachments(options: AttachmentsOptions): CollectedAttachments {
  const { artifacts, userId, findOwned, relatives, path } = options;
  const sha256 = new Map<string, string>();
  const artifactIds: string[] = [];
  const storedIds: string[] = [];

  function attach(artifact: Artifact): Attachment & { readonly reference: { readonly artifactId: string } } {
    artifactIds.push(artifact.id);
    sha256.set(artifact.id, artifact.sha256);
    return { reference: { artifactId: artifact.id }, durationSeconds: artifact.durationSeconds };
  }

  async function stored(saving: Promise<Artifact>): Promise<Artifact> {
    const artifact = await saving;
    storedIds.push(artifact.id);
    return artifact;
  }

  async function uploaded(upload: Upload, field: string, sort?: Sort): Promise<Attachment> {
    const mimeType = upload.type === '' ? {} : { mimeType: upload.type };
    const artifact = await stored(artifacts.save({ stream: upload.stream(), ...mimeType, userId, field }));
    checkSort(artifact, sort, field);
    return attach(artifact);
  }

  async function owned(globalId: string, field: string, sort?: Sort): Promise<Attachment> {
    // What is no artifact's id names no artifact, and is told so in the same words.
    const artifact = await findOwned({ id: decodeId('Artifact', globalId) ?? LOWEST_ID, path: field });
    checkSort(artifact, sort, field);
    return attach(artifact);
  }

  async function sampled({ data, ...pcm }: Samples, field: string, sort?: Sort): Promise<Attachment> {
    if (sort !== undefined) throw refuse(field, 'must be a picture, not raw samples');
    const format = { sampleRate: pcm.sampleRate, channels: pcm.channels ?? 1 };
    const artifact = await stored(artifacts.savePcm({ stream: data.stream(), ...format, userId, field }));
    const { reference, durationSeconds } = attach(artifact);
    return { reference: { ...reference, pcm: format }, durationSeconds };
  }

  async function madeBy({ index, ...name }: FileFromTask, field: string): Promise<Attachment> {
    const { id, kind } = await relatives.find(name, field);
    if (!kindOf(kind).files) throw refuse(field, `a task of the kind ${kind} makes no files`);
    const place = index ?? 0;
    if (place < 0 || place > MAX_INDEX) throw refuse(`${field}.index`, `must be 0 to ${MAX_INDEX}`);
    return { reference: { fromTask: { taskId: id, index: place } }, durationSeconds: null };
  }

  return {
    artifactIds,
    storedIds,
    sha256,
    async add(name, { upload, artifactId, url, pcm, fromTask }, sort) {
      const field = `${path}.${name}`;
      if (fromTask != null) return madeBy(fromTask, `${field}.fromTask`);
      if (upload != null) return uploaded(upload, `${field}.upload`, sort);
      if (artifactId != null) return owned(artifactId, `${field}.artifactId`, sort);
      if (pcm != null) return sampled(pcm, `${field}.pcm`, sort);
      if (url != null) return { reference: { url: onlyHttp(url, `${field}.url`) }, durationSeconds: null };
      throw refuse(field, 'must name a file');
    },
  };
}
