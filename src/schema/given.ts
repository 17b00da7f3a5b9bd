/** An input object without its nulls: in this API a null says what leaving the field out says. */
export type Given<T> = { [K in keyof T]?: NonNullable<T[K]> };

/** Leaves out what is null or undefined. */
export function given<T extends object>(input: T): Given<T> {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value != null)) as Given<T>;
}
