/** Text of a node as PostgreSQL can store it: no NUL and the like, no half of a surrogate pair; trimmed. */
export function cleanText(text: string): string {
  return text
    .toWellFormed()
    .replace(/[^\P{Cc}\t\n\r]/gu, ' ')
    .trim();
}
