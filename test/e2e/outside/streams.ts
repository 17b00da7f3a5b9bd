/** The next value of a stream that has one. */
export async function next<Data>(stream: AsyncGenerator<Data, void>): Promise<Data> {
  const { value, done } = await stream.next();
  if (done || value === undefined) throw new Error('the stream has ended');
  return value;
}

/** Values up to the first that fits, that one included; the stream goes on. */
export async function until<Data>(
  stream: AsyncGenerator<Data, void>,
  fits: (value: Data) => boolean,
): Promise<Data[]> {
  const values: Data[] = [];
  for (;;) {
    const value = await next(stream);
    values.push(value);
    if (fits(value)) return values;
  }
}

/** All values until the server completes the stream. */
export async function rest<Data>(stream: AsyncGenerator<Data, void>): Promise<Data[]> {
  const values: Data[] = [];
  for await (const value of stream) values.push(value);
  return values;
}
