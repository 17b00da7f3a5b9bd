/** Rows under their headings, in columns as wide as they need to be. */
export function formatTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading, n) =>
    Math.max(heading.length, ...rows.map((row) => row[n]?.length ?? 0)),
  );
  return [headings, ...rows]
    .map((row) =>
      widths
        .map((width, n) => (row[n] ?? '').padEnd(width))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
