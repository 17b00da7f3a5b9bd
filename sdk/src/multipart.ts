/**
 * Encodes an operation as the GraphQL multipart request specification says: each Blob of the variables is
 * replaced by null and sent as a part of its own. Null where the variables hold no Blob.
 */
export function encodeMultipart(query: string, variables: unknown): FormData | null {
  const files = new Map<string, Blob>();
  const withoutFiles = takeFiles(variables, 'variables', files);
  if (files.size === 0) return null;
  const form = new FormData();
  const entries = [...files];
  form.set('operations', JSON.stringify({ query, variables: withoutFiles }));
  form.set('map', JSON.stringify(Object.fromEntries(entries.map(([path], n) => [n, [path]]))));
  for (const [n, [, file]] of entries.entries()) {
    form.set(String(n), file, file instanceof File ? file.name : 'file');
  }
  return form;
}

function takeFiles(value: unknown, path: string, files: Map<string, Blob>): unknown {
  if (value instanceof Blob) {
    files.set(path, value);
    return null;
  }
  if (Array.isArray(value)) return value.map((item, n) => takeFiles(item, `${path}.${n}`, files));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, takeFiles(item, `${path}.${key}`, files)]),
  );
}
