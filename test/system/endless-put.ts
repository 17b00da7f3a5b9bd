import { openStorage } from '../../src/artifacts/index.ts';

/** Stores a file that never ends, in the place that its argument tells, until it is killed. */
async function* endless(): AsyncGenerator<Uint8Array> {
  for (;;) yield Buffer.alloc(1_000_000);
}

const storage = await openStorage(JSON.parse(process.argv[2] ?? ''));
await storage.put(endless());
