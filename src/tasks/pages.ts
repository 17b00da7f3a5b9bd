/** Which tasks a command is about: a page of ids at a time, read when the one before is done. */
export type Pages = AsyncIterable<readonly string[]>;

/** Does the work page by page. Answers the sum of what it answered. */
export async function sumOver(
  pages: Pages,
  work: (ids: readonly string[]) => Promise<number>,
): Promise<number> {
  let sum = 0;
  for await (const ids of pages) sum += await work(ids);
  return sum;
}
