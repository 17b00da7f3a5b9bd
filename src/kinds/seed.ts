import { z } from 'zod';

/** What makes a result repeatable. Nodes take 32 bits. */
export const seed = z.number().int().min(0).max(2_147_483_647);
