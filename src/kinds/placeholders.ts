/** What a text that another task writes may be called. */
export const placeholderName = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;

const placeholder = /\{\{\s*([A-Za-z][A-Za-z0-9_-]{0,63})\s*\}\}/g;

/** The same value with every text in it replaced. */
function mapTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((inner) => mapTexts(inner, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, mapTexts(inner, change)]));
}

/** The names that stand in a value's texts as `{{name}}`. */
export function placeholdersIn(value: unknown): Set<string> {
  const names = new Set<string>();
  mapTexts(value, (text) => {
    for (const [, name = ''] of text.matchAll(placeholder)) names.add(name);
    return text;
  });
  return names;
}

/** The value with texts in the place of their names. What is in braces and has no text stays as it is. */
export function fillPlaceholders(value: unknown, texts: ReadonlyMap<string, string>): unknown {
  return mapTexts(value, (text) =>
    text.replaceAll(placeholder, (whole, name: string) => texts.get(name) ?? whole),
  );
}
