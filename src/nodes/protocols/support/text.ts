/** Text of a node as PostgreSQL can store it: no NUL and the like, no half of a surrogate pair; trimmed. */
export function cleanText(text: string): string {
  return text
    .toWellFormed()
    .replace(/[^\P{Cc}\t\n\r]/gu, ' ')
    .trim();
}

/** Text that is somebody's work, as PostgreSQL can store it: it stays as it is otherwise. */
export function storableText(text: string): string {
  return storablePiece(text).toWellFormed();
}

/** The same for a part of it, which may end in the middle of a surrogate pair. */
export function storablePiece(piece: string): string {
  return piece.replaceAll('\u0000', '\uFFFD');
}
