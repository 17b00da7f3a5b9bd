/** 128 random bits. Unlike `crypto.randomUUID`, this works on pages that were not loaded over HTTPS too. */
export function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `sdk-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
