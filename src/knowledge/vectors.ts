/** The same direction with length 1, so that a product of two is their cosine. What has no direction stays. */
export function normalized(vector: Float32Array): Float32Array {
  let sum = 0;
  for (const value of vector) sum += value * value;
  const length = Math.sqrt(sum);
  return length === 0 ? vector : vector.map((value) => value / length);
}

/** The scalar product of two vectors that are as long. */
export function product(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let n = 0; n < a.length; n++) sum += (a[n] ?? 0) * (b[n] ?? 0);
  return sum;
}

/** As PostgreSQL reads an array, and with brackets pgvector a vector. */
export const vectorText = (vector: Float32Array, [open, close] = '{}'): string =>
  `${open}${vector.join(',')}${close}`;
