import { z } from 'zod';
import { InvalidInputError } from '../errors.ts';

const username = z
  .string()
  .toLowerCase()
  .regex(
    /^[a-z0-9._-]{3,32}$/,
    'must be 3 to 32 characters out of a to z, 0 to 9, dot, underscore and hyphen',
  );

const passwordLength = 'must have 8 to 200 characters';
const password = z.string().min(8, passwordLength).max(200, passwordLength);

const nameLength = 'must have 1 to 100 characters';

export const registration = z.object({ username, password });
export const newUser = z.object({ username, password: password.nullable() });
export const newPassword = z.object({ newPassword: password });
export const apiKeyName = z.object({ name: z.string().trim().min(1, nameLength).max(100, nameLength) });

/** What the schema makes of the input. @throws InvalidInputError with an issue for each field that is wrong */
export function checked<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  throw new InvalidInputError(
    result.error.issues.map(({ path, message }) => ({ path: path.join('.'), message })),
  );
}
