import { z } from 'zod';

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
