import type { Media } from '../../../kinds/index.ts';
import { NodeFault } from '../fault.ts';
import { rejected } from './refusal.ts';

/**
 * The picture of a call in base64, for servers that take it inside of JSON.
 * @throws NodeFault: the task's fault where it is no picture, or is larger than the server takes
 */
export async function pictureAsBase64(
  [media]: readonly Media[],
  { maxBytes = Number.POSITIVE_INFINITY } = {},
): Promise<string> {
  if (media === undefined) throw new Error('a call came without its picture');
  const { mimeType, sizeBytes } = media;
  if (!mimeType.startsWith('image/')) throw rejected(`the file is no picture but ${mimeType}`);
  if (sizeBytes > maxBytes) throw rejected(`the picture is larger than ${maxBytes} bytes`);
  try {
    return Buffer.from(await (await media.blob()).arrayBuffer()).toString('base64');
  } catch (cause) {
    const message = 'the picture of the task could not be read';
    throw new NodeFault(message, { side: 'input', code: 'INPUT_UNAVAILABLE', sent: false, cause });
  }
}
