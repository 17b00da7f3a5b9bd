/** The values of an enum type, each with what it means. */
export function described<Name extends string>(
  meanings: Readonly<Record<Name, string>>,
): { [N in Name]: { description: string } } {
  const entries = Object.entries<string>(meanings).map(([name, description]) => [name, { description }]);
  return Object.fromEntries(entries) as { [N in Name]: { description: string } };
}
