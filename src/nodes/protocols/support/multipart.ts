import { randomBytes } from 'node:crypto';

export interface FilePart {
  readonly blob: Blob;
  readonly fileName: string;
  readonly mimeType: string;
}

// The browsers' own escapes (HTML, "multipart/form-data encoding algorithm").
function quoted(text: string): string {
  return `"${text.replace(/\r\n|\r|\n/g, '%0D%0A').replaceAll('"', '%22')}"`;
}

/**
 * A multipart form as one blob whose type bears the boundary: files are read while they are sent, never held
 * in memory, and the length is known beforehand (some servers refuse chunked bodies). Fields that are
 * undefined are left out; an array repeats its field.
 */
export function multipart(
  fields: Readonly<Record<string, string | readonly string[] | FilePart | undefined>>,
): Blob {
  // In lower case, as blob types are.
  const boundary = `switchyard-${randomBytes(16).toString('hex')}`;
  const parts: (string | Blob)[] = [];
  const open = (disposition: string) => `--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n`;
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    if (typeof value === 'object' && 'blob' in value) {
      const head = open(`name=${quoted(name)}; filename=${quoted(value.fileName)}`);
      parts.push(`${head}Content-Type: ${value.mimeType}\r\n\r\n`, value.blob, '\r\n');
      continue;
    }
    for (const text of typeof value === 'string' ? [value] : value) {
      parts.push(`${open(`name=${quoted(name)}`)}\r\n${text}\r\n`);
    }
  }
  return new Blob([...parts, `--${boundary}--\r\n`], { type: `multipart/form-data; boundary=${boundary}` });
}
