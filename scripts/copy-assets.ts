/** Puts beside the built server what it reads at run time. */
import { cp } from 'node:fs/promises';

for (const asset of ['prisma', 'schema.graphql', 'package.json']) {
  await cp(asset, `dist/${asset}`, { recursive: true });
}
