/** The values of an enum type, each with what it means. */
export function describedBy<Name extends string>(
  names: readonly Name[],
  meaningOf: (name: Name) => string,
): { [N in Name]: { description: string } } {
  const entries = names.map((name) => [name, { description: meaningOf(name) }]);
  return Object.fromEntries(entries) as { [N in Name]: { description: string } };
}

/** The same, with the meanings at hand. */
export function described<Name extends string>(
  meanings: Readonly<Record<Name, string>>,
): { [N in Name]: { description: string } } {
  return describedBy(Object.keys(meanings) as Name[], (name) => meanings[name]);
}
