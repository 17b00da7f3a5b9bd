import type { Artifact } from '../database/index.ts';
import { encodeId } from '../ids.ts';
import { extensionOf } from './media-type.ts';
import type { ShownAs } from './storage.ts';

/** What a browser may show in place. Everything else is a download: no file of a caller's runs as a page. */
const shown = /^(?:image\/(?:avif|bmp|gif|jpeg|png|webp)|audio\/|video\/|text\/plain$)/i;

/** How a file is sent to whoever downloads it, from wherever it is. */
export function shownAs({ id, mimeType }: Pick<Artifact, 'id' | 'mimeType'>): ShownAs {
  const disposition = shown.test(mimeType) ? 'inline' : 'attachment';
  return {
    contentType: mimeType === 'text/plain' ? 'text/plain; charset=utf-8' : mimeType,
    disposition: `${disposition}; filename="${encodeId('Artifact', id)}.${extensionOf(mimeType)}"`,
  };
}
