import { z } from 'zod';

/**
 * A file that a task reads, as it is stored in the task's input. Uploads are artifacts by then; a URL is
 * fetched by the worker, at each attempt.
 */
export const mediaReference = z.union([
  z.strictObject({
    artifactId: z.string(),
    /** Set for raw signed 16-bit little-endian samples. */
    pcm: z.strictObject({ sampleRate: z.number().int(), channels: z.number().int() }).optional(),
  }),
  z.strictObject({ url: z.url() }),
]);

/** The same, for kinds that look at a picture. */
export const pictureReference = mediaReference.refine(
  (image) => !('pcm' in image),
  'must be a picture, not raw samples',
);

export type MediaReference = z.infer<typeof mediaReference>;

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
