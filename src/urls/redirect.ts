/** How many redirects are followed, one after the other. */
export const MAX_REDIRECTS = 5;

const statuses = new Set([301, 302, 303, 307, 308]);

/**
 * Where an answer sends whoever asked for `url`: null where it is no redirect, undefined where it leads to something
 * that is no URL. What it answers has to be checked like the first.
 */
export function redirectOf(
  { status, location }: { readonly status: number; readonly location: unknown },
  url: URL,
): URL | null | undefined {
  if (!statuses.has(status) || typeof location !== 'string') return null;
  return URL.parse(location, url.href) ?? undefined;
}
