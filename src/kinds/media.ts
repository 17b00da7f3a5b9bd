import { z } from 'zod';

const loadable = [
  z.strictObject({
    artifactId: z.string(),
    /** Set for raw signed 16-bit little-endian samples. */
    pcm: z.strictObject({ sampleRate: z.number().int(), channels: z.number().int() }).optional(),
  }),
  z.strictObject({ url: z.url() }),
] as const;

/** A file that another task makes, by that one's row id: known when this task is released. */
const madeByTask = z.strictObject({
  fromTask: z.strictObject({ taskId: z.string(), index: z.number().int().min(0).max(1_000).default(0) }),
});

/**
 * A file that a task reads, as it is stored in the task's input. Uploads are artifacts by then; a URL is
 * fetched by the worker, at each attempt.
 */
export const mediaReference = z.union([...loadable, madeByTask]);

/** The same, for kinds that look at a picture. */
export const pictureReference = mediaReference.refine(
  (image) => !('pcm' in image),
  'must be a picture, not raw samples',
);

const loadableReference = z.union(loadable);

/** A file that can be loaded as it is named. */
export type MediaReference = z.infer<typeof loadableReference>;
/** A file that is known once the task that makes it has succeeded. */
export type TaskFile = z.infer<typeof madeByTask>;

/** A file that a node made, where it stands in a kind's output: by then it is an artifact, and this its row id. */
export const madeFile = z.string().brand<'MadeFile'>();
export type MadeFileId = z.infer<typeof madeFile>;

/** A file made ready for a node: what protocols get to see of a {@link MediaReference}. */
export interface Media {
  /** Safe to put into a multipart header; ends in the extension of the type. */
  readonly fileName: string;
  readonly mimeType: string;
  readonly sizeBytes: number;
  readonly pcm?: { readonly sampleRate: number; readonly channels: number };
  /** Backed by the file where storage is local: nothing is read before it is sent. */
  blob(): Promise<Blob>;
}
