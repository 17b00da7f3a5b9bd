import { z } from 'zod';
import { type InputIssue, InvalidInputError } from '../errors.ts';
import { check } from '../validation.ts';
import { type Inspection, inspect } from './media-type.ts';
import { assertPcmFormat, pcmDuration, pcmFormatOf, pcmMimeType } from './pcm.ts';
import type { Stored } from './storage.ts';

/** What a caller says of a file that he will send. */
export interface UploadRequest {
  readonly mimeType: string;
  readonly sizeBytes: number;
  readonly sha256: string | null;
}

const schemaFor = (maxBytes: number) => {
  const size = `must be 1 to ${maxBytes.toLocaleString('en')} bytes`;
  return z.object({
    mimeType: z
      .string()
      .max(200, 'must have at most 200 characters')
      .regex(/^[\w.+-]+\/[\w.+-]+(?:; ?[\w.+-]+=[\w.+-]+)*$/, 'must be a MIME type, such as image/png'),
    sizeBytes: z.int({ error: size }).min(1, { error: size }).max(maxBytes, { error: size }),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/i, 'must be 64 hexadecimal digits')
      .transform((hash) => hash.toLowerCase())
      .nullable(),
  });
};

/** @throws InvalidInputError with all that is wrong, in paths such as `sizeBytes` */
export function checkRequest(request: UploadRequest, maxBytes: number): UploadRequest {
  const checked = check(schemaFor(maxBytes), request);
  if (!checked.isValid) throw new InvalidInputError(checked.issues);
  const pcm = pcmFormatOf(checked.value.mimeType);
  if (pcm) assertPcmFormat(pcm, 'mimeType');
  return checked.value;
}

/** What files of a sort are found to be. Other sorts are not told apart by their bytes alone. */
const found: readonly (readonly [declared: RegExp, is: RegExp])[] = [
  [/^image\//i, /^image\//],
  [/^(?:audio|video)\//i, /^(?:audio|video)\/|^application\/ogg$/],
  [/^application\/pdf$/i, /^application\/pdf$/],
];

/**
 * Compares a file that has arrived with what it was said to be, and tells what it is.
 * @throws InvalidInputError that says what is wrong
 */
export async function checkArrived(
  { mimeType, sizeBytes, sha256 }: UploadRequest,
  arrived: Omit<Stored, 'key'>,
  head: Uint8Array,
): Promise<Inspection> {
  const issues: InputIssue[] = [];
  if (arrived.size !== sizeBytes) {
    issues.push({ path: '', message: `the file has ${arrived.size} bytes, not the ${sizeBytes} announced` });
  } else if (sha256 !== null && arrived.sha256 !== sha256) {
    issues.push({ path: '', message: `the file's sha256 is ${arrived.sha256}, not the ${sha256} announced` });
  }
  if (issues.length > 0) throw new InvalidInputError(issues);
  const pcm = pcmFormatOf(mimeType);
  if (pcm) {
    const durationSeconds = pcmDuration(pcm, arrived.size, '');
    return { mimeType: pcmMimeType(pcm), width: null, height: null, durationSeconds };
  }
  const inspection = await inspect(head, arrived.size, mimeType);
  const wrong = found.some(([declared, is]) => declared.test(mimeType) && !is.test(inspection.mimeType));
  if (wrong) {
    const message = `the file is ${inspection.mimeType}, not the ${mimeType} announced`;
    throw new InvalidInputError([{ path: '', message }]);
  }
  return inspection;
}
