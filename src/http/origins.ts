/** Which web pages may call the API: those of the server itself, and those that the configuration names. */
export interface Origins {
  /** Another origin that the configuration names. */
  isListed(origin: string): boolean;
  /** Listed, or the page's own server. No origin: not a web page. */
  isAllowed(origin: string | undefined, host: string | undefined): boolean;
}

/** @param listed `https://app.example.org`, or `*` for every page */
export function createOrigins(listed: readonly string[]): Origins {
  const all = listed.includes('*');
  const known = new Set(listed.map((origin) => origin.toLowerCase().replace(/\/$/, '')));
  const isListed = (origin: string): boolean => all || known.has(origin.toLowerCase());
  return {
    isListed,
    isAllowed(origin, host) {
      if (origin === undefined || isListed(origin)) return true;
      return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
    },
  };
}
